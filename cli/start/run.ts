/**
 * Runs the command of the command line.
 *
 * @module
 */

import { ConfigError } from "../../lib/config/config_error.ts";
import { AppError, operatorMessage } from "../../lib/errors.ts";
import { printable } from "../../lib/text.ts";
import { runCommand } from "../commands.ts";

/** Runs the command; ends the process with its exit code, 1 after an error, unless that is 0. */
export async function run(): Promise<void> {
  try {
    const code = await runCommand(Deno.args);
    if (code !== 0) Deno.exit(code);
  } catch (error) {
    if (error instanceof ConfigError || error instanceof AppError) {
      say(operatorMessage(error));
    } else {
      say(error instanceof Error ? error.stack ?? error.message : `${error}`);
    }
    Deno.exit(1);
  }
}

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${printable(text)}\n`));
}
