/**
 * The interface of commands.
 *
 * @module
 */

import type { Config } from "../lib/config/config.ts";
import type { Progress, ProgressOutput } from "./progress/progress.ts";

/** Output of a command. */
export interface CommandOutput {
  /** Prints a line for the user. */
  print(text: string): void;
  /** Writes bytes for a file or a pipe. */
  write(bytes: Uint8Array): Promise<void>;
  /** Writes a new file. Throws AppError `CONFLICT` when there is one. */
  writeNewFile(path: string, text: string): Promise<void>;
  /** Whether the output is a terminal, which must not receive binary data. */
  readonly isTerminal: boolean;
  /** Where progress goes, apart from the output; nowhere by default. */
  readonly status?: ProgressOutput;
}

/** Arguments of a command. */
export interface CommandCall extends CommandOutput {
  /**
   * The effective configuration, with `file` in place of the one of --config;
   * throws ConfigError with every mistake.
   */
  config(file?: string): Config;
  /** Progress of long work; on a terminal, or with --progress. */
  readonly progress: Progress;
  /** Operands after the command's name. */
  readonly operands: readonly string[];
  /** The given options with their values; `""` for an option without value. */
  readonly options: ReadonlyMap<string, string>;
}

/** An option of a command. */
export interface Option {
  /** The word for its value; undefined for an option without one. */
  readonly value: string | undefined;
  /** Short description. */
  readonly doc: string;
}

/** An option that takes no value. */
export function flag(doc: string): Option {
  return { value: undefined, doc };
}

/** An option that requires a value, which the help names `value`. */
export function valued(value: string, doc: string): Option {
  return { value, doc };
}

/** The help about `options`, a line each, in columns; empty without any. */
export function optionLines(options: Readonly<Record<string, Option>>): string {
  const rows = Object.entries(options).map(([name, { value, doc }]) =>
    [`--${name}${value === undefined ? "" : ` ${value}`}`, doc] as const
  );
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, doc]) => `  ${name.padEnd(width)}  ${doc}`)
    .join("\n");
}

/** One command. */
export interface Command {
  /** The words that name it. */
  readonly name: string;
  /** Operands and options, for the usage. */
  readonly synopsis?: string;
  /** Short description. */
  readonly doc: string;
  readonly options?: Readonly<Record<string, Option>>;
  /** Minimum and maximum number of operands; none by default. */
  readonly operands?: readonly [number, number];
  /** Runs it; returns the exit code, 0 by default. Throws AppError. */
  run(call: CommandCall): Promise<number | void> | number | void;
}
