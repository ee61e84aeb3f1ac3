/**
 * Lists the packages of the lock file with their licences, read from the
 * package cache.
 *
 * @module
 */

import { z } from "zod";
import { markdownTable } from "./tables.ts";

const ROOT = new URL("../", import.meta.url);

const lockFile = z.object({ npm: z.record(z.string(), z.unknown()) });
const manifest = z.object({
  name: z.string(),
  version: z.string(),
  license: z.union([z.string(), z.object({ type: z.string() })]).optional(),
});

/** A table of all packages in `deno.lock`: name, versions, licence. */
export async function noticesPage(): Promise<string> {
  const text = await Deno.readTextFile(new URL("deno.lock", ROOT));
  const roots = await packageFolders();
  const rows = new Map<string, [string, string, string]>();
  for (const key of Object.keys(lockFile.parse(JSON.parse(text)).npm)) {
    const [, name = "", version = ""] = /^(@?[^@]+)@([^_]+)/.exec(key) ?? [];
    const { license } = await readManifest(roots, name, version);
    const words = typeof license === "object" ? license.type : license;
    rows.set(`${name} ${version}`, [name, version, words ?? "not stated"]);
  }
  const sorted = [...rows.values()].toSorted(([a], [b]) => a < b ? -1 : 1);
  return markdownTable(["Package", "Version", "Licence"], sorted);
}

/** Folders of Deno's cache that hold npm packages, one for each registry. */
async function packageFolders(): Promise<string[]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["info", "--json"],
    stdout: "piped",
  });
  const { stdout } = await child.output();
  const info: unknown = JSON.parse(new TextDecoder().decode(stdout));
  const { npmCache } = z.object({ npmCache: z.string() }).parse(info);
  const folders: string[] = [];
  for await (const entry of Deno.readDir(npmCache)) {
    if (entry.isDirectory) folders.push(`${npmCache}/${entry.name}`);
  }
  return folders;
}

async function readManifest(
  roots: readonly string[],
  name: string,
  version: string,
): Promise<z.infer<typeof manifest>> {
  for (const root of roots) {
    const path = `${root}/${name}/${version}/package.json`;
    const text = await Deno.readTextFile(path).catch(() => undefined);
    if (text !== undefined) return manifest.parse(JSON.parse(text));
  }
  throw new Error(
    `The package ${name}@${version} is not cached; run: deno install --frozen`,
  );
}
