/**
 * ATCR: container registry, hold and avatars for the AT Protocol, in one
 * program.
 *
 *   deno run -A main.ts [--config FILE]     serve
 *   deno run -A main.ts config init         print a commented configuration
 *   deno run -A main.ts config check        print the effective configuration
 *   deno run -A main.ts doctor              check that everything works
 *   deno run -A main.ts help                all commands
 *
 * @module
 */

import { ConfigError } from "./lib/config/config_error.ts";
import { AppError, operatorMessage } from "./lib/errors.ts";
import { printable } from "./lib/text.ts";
import { runCommand } from "./cli/commands.ts";

const say = (text: string) =>
  Deno.stderr.writeSync(new TextEncoder().encode(`${printable(text)}\n`));

try {
  const code = await runCommand(Deno.args);
  if (code !== 0) Deno.exit(code);
} catch (error) {
  if (error instanceof ConfigError || error instanceof AppError) {
    say(operatorMessage(error));
  } else {
    say(error instanceof Error ? error.stack ?? error.message : String(error));
  }
  Deno.exit(1);
}
