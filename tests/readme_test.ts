/**
 * What the documentation says of settings, commands and tasks is what there
 * is. To write the tables of the README anew:
 *
 *   deno run -A tests/readme_test.ts --write
 */

import assert from "node:assert/strict";
import { runCommand } from "../cli/commands.ts";
import { renderAliasTable, renderMarkdownTable } from "../lib/config/render.ts";

const ROOT = new URL("../", import.meta.url);
const README = new URL("README.md", ROOT);
const DOCUMENTS = ["README.md", "docs/avatars.md", "docs/signing-in.md"];

const PARTS: Readonly<Record<string, () => string | Promise<string>>> = {
  settings: renderMarkdownTable,
  aliases: renderAliasTable,
  commands: commandTable,
};

/** The commands as the program itself lists them, but for serving and helping. */
async function commandTable(): Promise<string> {
  let usage = "";
  await runCommand(["help"], {
    print: (text) => usage += text,
    write: () => Promise.reject(new Error("help writes no bytes")),
    isTerminal: true,
  });
  const commands = [...usage.matchAll(/^ {2}(\S.*)\n {6}(.*)$/gm)]
    .filter(([, name]) => name !== "(none)" && name !== "help");
  assert.ok(commands.length > 10, usage);
  return [
    "| command (`deno run -A main.ts …`) | does |",
    "| --- | --- |",
    ...commands.map(([, name, does]) => `| \`${name}\` | ${does} |`),
  ].join("\n");
}

/** `text` with every generated part as it should be. */
async function refreshed(text: string): Promise<string> {
  let fresh = text;
  for (const [name, render] of Object.entries(PARTS)) {
    const begin = `<!-- ${name} -->`;
    const end = `<!-- /${name} -->`;
    const start = fresh.indexOf(begin);
    const stop = fresh.indexOf(end);
    assert.ok(start >= 0 && stop > start, `README has no part ${name}`);
    fresh = fresh.slice(0, start + begin.length) +
      `\n\n${(await render()).trim()}\n\n` + fresh.slice(stop);
  }
  return await formatted(fresh);
}

/** Markdown as `deno fmt` writes it. */
async function formatted(markdown: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", "md", "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(markdown));
  await writer.close();
  const { stdout } = await child.output();
  return new TextDecoder().decode(stdout);
}

if (import.meta.main && Deno.args.includes("--write")) {
  const text = await Deno.readTextFile(README);
  await Deno.writeTextFile(README, await refreshed(text));
} else {
  Deno.test("the README lists every setting, name and command as the program has them", async () => {
    const text = await Deno.readTextFile(README);
    assert.equal(text, await refreshed(text));
  });

  Deno.test("every task is documented, and every documented task is there", async () => {
    const config = await Deno.readTextFile(new URL("deno.json", ROOT));
    const tasks = Object.keys(JSON.parse(config).tasks);
    const named = new Set<string>();
    for (const path of DOCUMENTS) {
      const text = await Deno.readTextFile(new URL(path, ROOT));
      for (const [, name = ""] of text.matchAll(/\bdeno task ([a-z0-9:]+)/g)) {
        named.add(name);
      }
    }
    assert.deepEqual([...named].sort(), tasks.sort());
  });
}
