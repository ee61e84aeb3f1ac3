/**
 * Long commands that Ctrl+C ends in good order.
 *
 * @module
 */

import type { CommandOutput } from "../command.ts";

/**
 * Runs `work` with a signal that SIGINT aborts; returns its exit code, or 1
 * after a line for the user when it was ended that way.
 */
export async function interruptible(
  { print }: Pick<CommandOutput, "print">,
  work: (signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const stop = new AbortController();
  const end = () => stop.abort(new Error("stopped"));
  Deno.addSignalListener("SIGINT", end);
  try {
    return await work(stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    print("Stopped. The next run goes on from here.");
    return 1;
  } finally {
    Deno.removeSignalListener("SIGINT", end);
  }
}
