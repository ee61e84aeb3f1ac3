/**
 * The interface of commands.
 *
 * @module
 */

import type { Config } from "../lib/config/config.ts";

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
}

/** Arguments of a command. */
export interface CommandCall extends CommandOutput {
  /**
   * The effective configuration, with `file` in place of the one of --config;
   * throws ConfigError with every mistake.
   */
  config(file?: string): Config;
  /** Operands after the command's name. */
  readonly operands: readonly string[];
  /** The given options with their values; `""` for an option without value. */
  readonly options: ReadonlyMap<string, string>;
}

/** One command. */
export interface Command {
  /** The words that name it. */
  readonly name: string;
  /** Operands and options, for the usage. */
  readonly synopsis?: string;
  /** Short description. */
  readonly doc: string;
  /** Its options: `flag` takes no value, `value` requires one. */
  readonly options?: Readonly<Record<string, "flag" | "value">>;
  /** Minimum and maximum number of operands; none by default. */
  readonly operands?: readonly [number, number];
  /** Runs it; returns the exit code, 0 by default. Throws AppError. */
  run(call: CommandCall): Promise<number | void> | number | void;
}
