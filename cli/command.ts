/**
 * What a command of the program is.
 *
 * @module
 */

import type { Config } from "../lib/config/config.ts";

/** Where a command writes to. */
export interface CommandOutput {
  /** Prints a line for people. */
  print(text: string): void;
  /** Writes bytes for a file or a pipe. */
  write(bytes: Uint8Array): Promise<void>;
  /** Whether the output is a terminal, where bytes have no business. */
  readonly isTerminal: boolean;
}

/** What a command is called with. */
export interface CommandCall extends CommandOutput {
  /** The effective configuration; throws ConfigError with every mistake. */
  config(): Config;
  /** What stands behind the command's name, without options. */
  readonly operands: readonly string[];
  /** The options given, with their values; an option without value has `""`. */
  readonly options: ReadonlyMap<string, string>;
}

/** One command. */
export interface Command {
  /** The words that name it. */
  readonly name: string;
  /** What may stand behind the name, for the usage. */
  readonly synopsis?: string;
  /** What it does, in a few words. */
  readonly doc: string;
  /** Its options: `flag` stands alone, `value` needs a value. */
  readonly options?: Readonly<Record<string, "flag" | "value">>;
  /** Least and most operands; none by default. */
  readonly operands?: readonly [number, number];
  /** Runs it; returns the exit code, 0 by default. Throws AppError. */
  run(call: CommandCall): Promise<number | void> | number | void;
}
