/**
 * Processes that respond to each line on standard input with a line of JSON.
 *
 * @module
 */

import { lines } from "../../sandbox/lines.ts";

/** A process that can be queried. */
export interface AskedProcess {
  readonly child: Deno.ChildProcess;
  /** Reads its next line; fails when it has exited. */
  line(): Promise<string>;
  /** Sends a query, and reads the response as JSON. */
  ask(): Promise<unknown>;
  /** Closes its standard input, which makes it exit. */
  close(): Promise<void>;
}

/** Starts `deno` with `args`. */
export function startAskedProcess(args: readonly string[]): AskedProcess {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  const said = lines(child.stdout);
  const line = async (): Promise<string> => {
    const { value, done } = await said.next();
    if (done) throw new Error(`deno ${args.join(" ")} has ended`);
    return value;
  };
  return {
    child,
    line,
    ask: async () => {
      await writer.write(new TextEncoder().encode("\n"));
      return JSON.parse(await line());
    },
    // It may have exited already.
    close: () => writer.close().catch(() => {}),
  };
}
