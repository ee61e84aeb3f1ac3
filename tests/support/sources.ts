/**
 * The files of the program as text, for tests of its structure.
 *
 * @module
 */

import { dirname, join, normalize, relative } from "node:path";

/** Folder of the repository. */
export const ROOT = new URL("../..", import.meta.url).pathname;
const FOLDERS = ["lib", "routes", "islands", "cli", "sandbox"];

/** Compiled by another compiler, which knows neither our imports nor our types. */
const FOREIGN =
  /^lib\/avatar\/kernel\/assembly\/|^sandbox\/(shims|node_modules)\//;

/** A file of the product. */
export interface Source {
  readonly path: string;
  readonly text: string;
  /** Paths of our own files that it imports, for types or for values. */
  readonly imports: readonly string[];
  /** Static imports of values. */
  readonly values: readonly string[];
  /** Names of the packages that it imports. */
  readonly packages: readonly string[];
}

async function* walk(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(join(ROOT, folder))) {
    const path = `${folder}/${entry.name}`;
    if (FOREIGN.test(`${path}/`) || FOREIGN.test(path)) continue;
    if (entry.isDirectory) yield* walk(path);
    else if (/\.(tsx?|js)$/.test(entry.name)) yield path;
  }
}

async function read(path: string): Promise<Source> {
  const text = await Deno.readTextFile(join(ROOT, path));
  const place = (target: string) =>
    relative(ROOT, normalize(join(ROOT, dirname(path), target)));
  const statements = [
    ...text.matchAll(
      /(?:^|\n)(?:import|export)( type)?\b(?:[^;"]*?\bfrom)?\s*"([^"]+)"/g,
    ),
  ].map(([, type, target = ""]) => ({ target, isType: type !== undefined }));
  const later = [...text.matchAll(/\bimport\(\s*"([^"]+)"/g)]
    .map(([, target = ""]) => target);
  const targets = [...statements.map(({ target }) => target), ...later];
  const isOurs = (target: string) => target.startsWith(".");
  return {
    path,
    text,
    imports: targets.filter(isOurs).map(place),
    values: statements.filter(({ target, isType }) => isOurs(target) && !isType)
      .map(({ target }) => place(target)),
    packages: targets.filter((target) =>
      !isOurs(target) && !target.startsWith("node:")
    ),
  };
}

/** Reads every TypeScript file of some folders. */
export async function sources(folders: readonly string[]): Promise<Source[]> {
  const paths: string[] = [];
  for (const folder of folders) {
    for await (const path of walk(folder)) paths.push(path);
  }
  return await Promise.all(paths.map(read));
}

/** Whether a file serves tests only. */
export const isTest = ({ path }: Source) =>
  /(_test|\/testing\w*)\.tsx?$/.test(path);
/** Every file of the program, with the tests beside it. */
export const all = [await read("main.ts"), ...await sources(FOLDERS)];
/** Every file of the program, without tests. */
export const product = all.filter((source) => !isTest(source));

/** Source text without lines that are comments. */
export function withoutComments(text: string): string {
  return text.replace(/^ *(\*|\/\/|\/\*).*$/gm, "");
}
