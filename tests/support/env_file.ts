/**
 * Files of environment variables, as docker reads them.
 *
 * @module
 */

/** Reads `NAME=value` lines; comments, empty lines and empty values are left out. */
export async function readEnvFile(
  path: string | URL,
): Promise<Record<string, string>> {
  const text = await Deno.readTextFile(path);
  const lines = text.split("\n").filter((line) =>
    /^[A-Z][A-Z0-9_]*=./.test(line)
  );
  return Object.fromEntries(lines.map((line) => {
    const at = line.indexOf("=");
    return [line.slice(0, at), line.slice(at + 1)];
  }));
}
