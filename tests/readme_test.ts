/**
 * The README tells the settings as the schema has them. To write them anew:
 *
 *   deno run -A tests/readme_test.ts --write
 */

import assert from "node:assert/strict";
import { renderAliasTable, renderMarkdownTable } from "../lib/config/render.ts";

const README = new URL("../README.md", import.meta.url);

const PARTS: Readonly<Record<string, () => string>> = {
  settings: renderMarkdownTable,
  aliases: renderAliasTable,
};

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
      `\n\n${render().trim()}\n\n` + fresh.slice(stop);
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
  Deno.test("the README lists every setting as the schema describes it", async () => {
    const text = await Deno.readTextFile(README);
    assert.equal(text, await refreshed(text));
  });
}
