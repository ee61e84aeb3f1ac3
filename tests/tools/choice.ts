/**
 * Names on the command line of a task, which choose what it does.
 *
 * @module
 */

import { say } from "./command.ts";

/**
 * Returns whether each of the `known` names was requested; without any name,
 * all are. Ends the process with exit code 2 when a name is unknown.
 */
export async function chooser(
  known: readonly string[],
  asked: readonly string[],
): Promise<(name: string) => boolean> {
  const unknown = asked.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    await say(`Unknown: ${unknown.join(", ")}. Known: ${known.join(", ")}.`);
    Deno.exit(2);
  }
  return (name) => asked.length === 0 || asked.includes(name);
}
