/**
 * Programs and packages of Python, each in a virtual environment below
 * `.tools/`, at the version that the caller pins.
 *
 * @module
 */

import { join } from "node:path";
import { CommandError, run } from "./command.ts";
import { findProgram, TOOLS_DIR } from "./paths.ts";

/**
 * Folder of the programs of an environment with one package of PyPI; it is made
 * if there is none. A sentence on why it cannot be had is the message of the
 * error.
 *
 * @throws {Error} without Python 3, or when the package cannot be installed.
 */
export async function pythonPrograms(
  name: string,
  version: string,
): Promise<string> {
  const folder = join(TOOLS_DIR, `${name}-${version}`);
  const programs = join(folder, "bin");
  // Written last: an environment that was cut off is made again.
  const complete = join(folder, "complete");
  const there = await Deno.stat(complete).then(() => true, () => false);
  if (there) return programs;
  const python = await findProgram("python3");
  if (!python) throw new Error(`install ${name}, or Python 3`);
  try {
    await run(python, ["-m", "venv", "--clear", folder]);
    const pip = join(programs, "pip");
    await run(pip, ["install", "--quiet", `${name}==${version}`]);
    await Deno.writeTextFile(complete, version);
    return programs;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    throw error;
  }
}
