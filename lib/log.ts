/**
 * JSON-lines log: one object a line with `time`, `level`, `msg` and fields.
 * Messages are fixed lower-case sentences; variable data goes into fields.
 *
 * @module
 */

import { printableJson } from "./text.ts";

/** Severity, in ascending order. */
export type LogLevel = "debug" | "info" | "warn" | "error";

const ORDER: Record<LogLevel, number> = {
  debug: 10,
  info: 20,
  warn: 30,
  error: 40,
};

/** Fields of a log line. Never put secrets here. */
export type LogFields = Record<string, unknown>;

/** Writes log lines; a child logger adds fields to each line. */
export interface Logger {
  debug(msg: string, fields?: LogFields): void;
  info(msg: string, fields?: LogFields): void;
  warn(msg: string, fields?: LogFields): void;
  error(msg: string, fields?: LogFields): void;
  /** Returns a logger that adds `fields` to each line. */
  with(fields: LogFields): Logger;
}

/** Options of {@linkcode createLogger}. */
export interface LoggerOptions {
  /** Lines below this level are dropped. */
  level: LogLevel;
  /** Writes one finished line, without line terminator. */
  write: (line: string) => void;
  /** Milliseconds since the Unix epoch; the machine's time by default. */
  now?: () => number;
  /** Fields of whatever is being done, such as the active span; none by default. */
  active?: (() => object | undefined) | undefined;
}

/** Creates a logger that writes one JSON object per line. */
export function createLogger(options: LoggerOptions): Logger {
  return new JsonLogger(options, {});
}

/** A class, because each request has a logger: closures would be made each time. */
class JsonLogger implements Logger {
  readonly #options: LoggerOptions;
  readonly #bound: LogFields;

  constructor(options: LoggerOptions, bound: LogFields) {
    this.#options = options;
    this.#bound = bound;
  }

  debug(msg: string, fields?: LogFields): void {
    this.#emit("debug", msg, fields);
  }

  info(msg: string, fields?: LogFields): void {
    this.#emit("info", msg, fields);
  }

  warn(msg: string, fields?: LogFields): void {
    this.#emit("warn", msg, fields);
  }

  error(msg: string, fields?: LogFields): void {
    this.#emit("error", msg, fields);
  }

  with(fields: LogFields): Logger {
    return new JsonLogger(this.#options, { ...this.#bound, ...fields });
  }

  #emit(level: LogLevel, msg: string, fields?: LogFields): void {
    const { level: lowest, write, now = Date.now, active } = this.#options;
    if (ORDER[level] < ORDER[lowest]) return;
    const time = new Date(now()).toISOString();
    const line = { time, level, msg, ...active?.(), ...this.#bound, ...fields };
    const text = JSON.stringify(line, isPlain(line) ? undefined : plain);
    write(printableJson(text));
  }
}

/** Fast path: whether JSON can represent all fields as they are. */
function isPlain(line: LogFields): boolean {
  return Object.values(line).every((value) =>
    typeof value !== "bigint" && typeof value !== "object"
  );
}

/** Converts errors (with their causes) and big integers to JSON values. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Error) {
    return {
      name: value.name,
      message: value.message,
      stack: value.stack,
      ...("operator" in value && value.operator !== undefined
        ? { operator: value.operator }
        : {}),
      ...(value.cause === undefined ? {} : { cause: value.cause }),
    };
  }
  return value;
}
