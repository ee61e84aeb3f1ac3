/**
 * The program's commands.
 *
 * @module
 */

import { loadConfig } from "../lib/config/config.ts";
import { renderConfig, renderDefaultYaml } from "../lib/config/render.ts";
import { AppError } from "../lib/errors.ts";
import { serve } from "./serve.ts";

const USAGE = `Usage: deno run -A main.ts [command] [--config FILE]

Commands:
  (none)         serve
  config init    print a commented configuration with every setting
  config check   print the effective configuration, secrets hidden`;

/** Runs the command that `args` names. Throws AppError `INVALID_REQUEST` for an unknown one. */
export async function runCommand(args: readonly string[]): Promise<void> {
  const words = commandWords(args).join(" ");
  switch (words) {
    case "":
      return await serve(configOf(args));
    case "config init":
      return print(renderDefaultYaml());
    case "config check":
      return print(renderConfig(configOf(args)));
    case "help":
      return print(USAGE);
    default:
      throw new AppError(
        "INVALID_REQUEST",
        `There is no command "${words}".\n\n${USAGE}`,
      );
  }
}

/** The arguments that are neither options nor their values. */
function commandWords(args: readonly string[]): string[] {
  if (args.includes("--help") || args.includes("-h")) return ["help"];
  return args.filter((arg, i) =>
    !arg.startsWith("--") && args[i - 1] !== "--config"
  );
}

function configOf(args: readonly string[]) {
  return loadConfig({
    args,
    env: Deno.env.toObject(),
    readTextFile: (path) => Deno.readTextFileSync(path),
  });
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text.trimEnd()}\n`));
}
