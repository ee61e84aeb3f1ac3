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
  await Deno.mkdir(TOOLS_DIR, { recursive: true });
  // Several checkouts may share one folder by a link.
  const tools = await Deno.realPath(TOOLS_DIR);
  const folder = join(tools, `${name}-${version}`);
  const programs = join(folder, "bin");
  // Written last, with the path that the programs of the environment start
  // Python by: one that was cut off or has moved is made again.
  const complete = join(folder, "complete");
  const place = await Deno.readTextFile(complete).catch(() => undefined);
  if (place === folder) return programs;
  const python = await findProgram("python3");
  if (!python) throw new Error(`install ${name}, or Python 3`);
  try {
    await run(python, ["-m", "venv", "--clear", folder]);
    const pip = join(programs, "pip");
    await run(pip, ["install", "--quiet", `${name}==${version}`]);
    await Deno.writeTextFile(complete, folder);
    return programs;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    throw error;
  }
}
