/**
 * Where the third-party programs of the test suites are.
 *
 * @module
 */

import { delimiter, isAbsolute, join } from "node:path";

/** The root of the project. */
export const ROOT = new URL("../../", import.meta.url).pathname;
/** Folder of everything that the test suites install or print; ignored by git. */
export const TOOLS_DIR = join(ROOT, ".tools");
/** Folder of the installed programs. */
export const BIN_DIR = join(TOOLS_DIR, "bin");

/**
 * Full path of a program: the one that `deno task tools` has installed, else
 * the one on PATH, else `undefined`. A full path is returned as it is, unless
 * there is no program.
 */
export async function findProgram(name: string): Promise<string | undefined> {
  if (isAbsolute(name)) return await isExecutable(name) ? name : undefined;
  const path = Deno.env.get("PATH") ?? "";
  for (const folder of [BIN_DIR, ...path.split(delimiter), "/usr/sbin"]) {
    if (folder === "") continue;
    const candidate = join(folder, name);
    if (await isExecutable(candidate)) return candidate;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    const { isFile, mode } = await Deno.stat(path);
    return isFile && ((mode ?? 0) & 0o111) !== 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    if (error instanceof Deno.errors.NotADirectory) return false;
    if (error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}
