/**
 * The program's commands: parses the arguments and runs the command.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { type Config, loadConfig } from "../lib/config/config.ts";
import { AppError } from "../lib/errors.ts";
import { printable } from "../lib/text.ts";
import { VERSION } from "../routes/version.ts";
import {
  type Command,
  type CommandOutput,
  flag,
  type Option,
  optionLines,
  valued,
} from "./command.ts";
import { completionScript, SHELLS } from "./completion.ts";
import { CONFIG_COMMANDS } from "./config_commands.ts";
import { CONTENT_COMMANDS } from "./content_commands.ts";
import { CREW_COMMANDS } from "./hold/crew_commands.ts";
import { DOCTOR_COMMAND } from "./doctor/doctor.ts";
import { FEED_COMMANDS } from "./hold/feed_commands.ts";
import { HOLD_COMMANDS } from "./hold/hold_commands.ts";
import { INDEX_COMMANDS } from "./index_commands.ts";
import { JOB_COMMANDS } from "./job_commands.ts";
import { BACKUP_COMMANDS } from "./store/backup_commands.ts";
import { KV_COMMANDS } from "./store/kv_commands.ts";
import { REPO_COMMANDS } from "./repo_commands.ts";
import { SCRUB_COMMANDS } from "./scrub_commands.ts";
import { Progress } from "./progress/progress.ts";
import { serve } from "./serve.ts";

const SERVE: Command = {
  name: "serve",
  synopsis: "[FILE]",
  doc: "run the server, with the configuration in FILE or that of --config; " +
    "the same without a command",
  operands: [0, 1],
  run: ({ config, operands }) => serve(config(operands[0])),
};

/** Without a command the program serves. */
const NONE: Command = { ...SERVE, name: "", operands: [0, 0] };

const HELP: Command = {
  name: "help",
  synopsis: "[COMMAND]",
  doc: "print this, or how to use a command; the same as COMMAND --help",
  operands: [0, Infinity],
  run: ({ print, operands }) => print(helpOf(operands)),
};

const VERSION_COMMAND: Command = {
  name: "version",
  doc: "print the version of the program",
  run: ({ print }) => print(VERSION),
};

const COMPLETION: Command = {
  name: "completion",
  synopsis: SHELLS.join("|"),
  doc: "print a script by which a shell completes the commands of atcr",
  operands: [1, 1],
  run: ({ print, operands: [name] }) => {
    const shell = SHELLS.find((one) => one === name);
    if (shell === undefined) throw misused(COMPLETION);
    print(completionScript(shell, COMMANDS));
  },
};

const COMMANDS: readonly Command[] = [
  NONE,
  SERVE,
  ...CONFIG_COMMANDS,
  DOCTOR_COMMAND,
  ...REPO_COMMANDS,
  ...HOLD_COMMANDS,
  ...FEED_COMMANDS,
  ...SCRUB_COMMANDS,
  ...CREW_COMMANDS,
  ...CONTENT_COMMANDS,
  ...INDEX_COMMANDS,
  ...JOB_COMMANDS,
  ...KV_COMMANDS,
  ...BACKUP_COMMANDS,
  COMPLETION,
  VERSION_COMMAND,
  HELP,
];

/** Options of every command. */
const COMMON: Readonly<Record<string, Option>> = {
  config: valued("FILE", "the file with the configuration"),
  progress: flag("print the progress of long work also without a terminal"),
  help: flag("print how to use the command"),
};

const USAGE = "Usage: deno run -A main.ts [command] [--config FILE]";

/** Parsed arguments, not yet matched with a command. */
interface Parsed {
  readonly words: readonly string[];
  readonly options: ReadonlyMap<string, string>;
}

/**
 * Runs the command in `args` and returns its exit code. Throws AppError
 * `INVALID_REQUEST` for an unknown command, option or operand, and the
 * command's errors.
 */
export async function runCommand(
  args: readonly string[],
  output: CommandOutput = STDOUT,
): Promise<number> {
  const { words, options } = parse(args);
  const isAsked = options.has("help") && words[0] !== "help";
  const command = isAsked ? HELP : find(words);
  const size = command.name === "" ? 0 : command.name.split(" ").length;
  const operands = isAsked ? words : words.slice(size);
  const [least, most] = command.operands ?? [0, 0];
  if (operands.length < least || operands.length > most) throw misused(command);
  for (const [name, value] of options) {
    if (command === HELP || name in COMMON) continue;
    const option = command.options?.[name];
    if (option === undefined) {
      const whose = command === NONE ? "The server" : `"${command.name}"`;
      throw refusal(`${whose} has no option --${name}.`, command);
    }
    if ((option.value === undefined) !== (value === "")) {
      throw misused(command);
    }
  }
  const isWatched = options.has("progress") || output.status?.isTerminal;
  const progress = new Progress(isWatched ? output.status : undefined);
  try {
    return await command.run({
      ...output,
      progress,
      // The line may contain untrusted text, such as names and records.
      print: (text) => {
        progress.clear();
        output.print(printable(text));
      },
      config: (file) => configOf(args, file),
      operands,
      options,
    }) ?? 0;
  } finally {
    progress.clear();
  }
}

/** The configuration that `args` name, or that in `file`. */
function configOf(args: readonly string[], file: string | undefined): Config {
  const config = loadConfig({
    args: file === undefined ? args : ["--config", file],
    env: Deno.env.toObject(),
    readTextFile: (path) => Deno.readTextFileSync(path),
  });
  const { access_token } = config.kv;
  // Deno reads it from nowhere else.
  if (access_token) Deno.env.set("DENO_KV_ACCESS_TOKEN", access_token);
  return config;
}

/** The longest command that is a prefix of `words`. */
function find(words: readonly string[]): Command {
  const text = words.join(" ");
  const found = COMMANDS
    .filter(({ name }) =>
      name === "" ? text === "" : `${text} `.startsWith(`${name} `)
    )
    .toSorted((a, b) => b.name.length - a.name.length)[0];
  if (found) return found;
  const known = COMMANDS.filter((command) => command !== NONE);
  const near = known.filter(({ name }) => name.startsWith(`${words[0]} `));
  const lines = (near.length === 0 ? known : near).map((command) =>
    `  ${shown(command)}\n`
  );
  throw new AppError(
    "INVALID_REQUEST",
    `There is no command "${text}".\n\n${USAGE}\n${
      lines.join("")
    }"help" explains all commands.`,
  );
}

function parse(args: readonly string[]): Parsed {
  const named = COMMANDS.flatMap(({ options = {} }) => Object.entries(options));
  const { positionals, tokens } = parseArgs({
    args: [...args],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: {
      ...Object.fromEntries(
        [...Object.entries(COMMON), ...named].map(([name, { value }]) => [
          name,
          {
            type: value === undefined ? "boolean" as const : "string" as const,
          },
        ]),
      ),
      help: { type: "boolean", short: "h" },
    },
  });
  const options = new Map<string, string>();
  for (const token of tokens ?? []) {
    if (token.kind === "option") options.set(token.name, token.value ?? "");
  }
  return { words: positionals, options };
}

function shown({ name, synopsis }: Command): string {
  const words = name === "" ? "(none)" : name;
  return synopsis === undefined ? words : `${words} ${synopsis}`;
}

function usage(): string {
  const lines = COMMANDS.filter((command) => command !== NONE).map((command) =>
    `  ${shown(command)}\n      ${command.doc}`
  );
  return `${USAGE}

Commands:
${lines.join("\n")}`;
}

/** How to use the command that `words` name, or those that begin with them. */
function helpOf(words: readonly string[]): string {
  if (words.length === 0) return usage();
  const text = words.join(" ");
  const below = COMMANDS.filter(({ name }) => name.startsWith(`${text} `));
  const found = COMMANDS.some(({ name }) => name === text) || below.length === 0
    ? [find(words), ...below]
    : below;
  const [only, ...others] = found;
  if (only !== undefined && others.length === 0) return detailsOf(only);
  const details = found.map((command) =>
    detailsOf(command, command.options ?? {})
  );
  // Once for all of them: repeated, they would hide what differs.
  return `${details.join("\n\n")}\n\nOptions of each:\n\n${
    optionLines(COMMON)
  }`;
}

function detailsOf(
  command: Command,
  options: Command["options"] = { ...command.options, ...COMMON },
): string {
  const about = `Usage: deno run -A main.ts ${shown(command)}

${command.doc}`;
  const lines = optionLines(options);
  return lines === "" ? about : `${about}\n\n${lines}`;
}

function misused(command: Command): AppError {
  return refusal(
    `The operands or options of "${command.name}" are wrong.`,
    command,
  );
}

/** Only with the help about `command`: that about all would hide the sentence. */
function refusal(sentence: string, command: Command): AppError {
  const help = command === NONE ? USAGE : detailsOf(command);
  return new AppError("INVALID_REQUEST", `${sentence}\n\n${help}`);
}

const STDOUT: CommandOutput = {
  print: (text) => {
    Deno.stdout.writeSync(new TextEncoder().encode(`${text.trimEnd()}\n`));
  },
  write: async (bytes) => {
    for (let rest = bytes; rest.length > 0;) {
      rest = rest.subarray(await Deno.stdout.write(rest));
    }
  },
  writeNewFile: async (path, text) => {
    try {
      await Deno.writeTextFile(path, text, { createNew: true, mode: 0o600 });
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      throw new AppError(
        "CONFLICT",
        `${path} is there already. Name another file, or remove it.`,
      );
    }
  },
  isTerminal: Deno.stdout.isTerminal(),
  status: {
    write: (text) => {
      Deno.stderr.writeSync(new TextEncoder().encode(text));
    },
    isTerminal: Deno.stderr.isTerminal(),
  },
};
