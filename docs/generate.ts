/**
 * Writes the generated parts of the documentation: settings, commands, XRPC
 * methods and licences of packages.
 *
 *   deno task docs            write them
 *   deno task docs --check    report which file is out of date; exit code 1
 *
 * @module
 */

import { formatted } from "./format.ts";
import {
  accountTable,
  aliasTable,
  commandTable,
  settingsTable,
} from "./tables.ts";
import { noticesPage } from "./notices.ts";
import { xrpcPage } from "./xrpc_page.ts";

const ROOT = new URL("../", import.meta.url);

type Render = () => string | Promise<string>;

/** Files with marked parts (`<!-- name -->` to `<!-- /name -->`), by path. */
const PARTS: Readonly<Record<string, Readonly<Record<string, Render>>>> = {
  "docs/configuration.md": { settings: settingsTable, aliases: aliasTable },
  "docs/operating.md": { commands: commandTable, accounts: accountTable },
  "docs/xrpc.md": { methods: xrpcPage },
  "THIRD_PARTY_NOTICES.md": { packages: noticesPage },
};

/** Paths of the files whose generated parts are out of date. */
export async function outdated(): Promise<string[]> {
  const stale: string[] = [];
  for (const [path, parts] of Object.entries(PARTS)) {
    const text = await Deno.readTextFile(new URL(path, ROOT));
    if (text !== await refreshed(path, text, parts)) stale.push(path);
  }
  return stale;
}

/** Writes every generated part; returns the paths that changed. */
async function write(): Promise<string[]> {
  const changed = await outdated();
  for (const path of changed) {
    const file = new URL(path, ROOT);
    const text = await Deno.readTextFile(file);
    await Deno.writeTextFile(
      file,
      await refreshed(path, text, PARTS[path] ?? {}),
    );
  }
  return changed;
}

async function refreshed(
  path: string,
  text: string,
  parts: Readonly<Record<string, Render>>,
): Promise<string> {
  let fresh = text;
  for (const [name, render] of Object.entries(parts)) {
    const begin = `<!-- ${name} -->`;
    const start = fresh.indexOf(begin);
    const stop = fresh.indexOf(`<!-- /${name} -->`);
    if (start < 0 || stop < start) {
      throw new Error(`${path} has no part ${name}: add ${begin} and its end`);
    }
    fresh = fresh.slice(0, start + begin.length) +
      `\n\n${(await render()).trim()}\n\n` + fresh.slice(stop);
  }
  return await formatted(fresh, "md");
}

if (import.meta.main) {
  const isCheck = Deno.args.includes("--check");
  const paths = isCheck ? await outdated() : await write();
  const words = isCheck ? "is out of date; run: deno task docs" : "written";
  const lines = paths.map((path) => `${path} ${words}\n`).join("");
  await Deno.stdout.write(new TextEncoder().encode(lines));
  if (isCheck && paths.length > 0) Deno.exit(1);
}
