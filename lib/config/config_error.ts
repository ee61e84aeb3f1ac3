/**
 * Errors of a configuration, all reported at once.
 *
 * @module
 */

/** One error. */
export interface Mistake {
  /** The setting's path, or the unknown name. */
  readonly setting: string;
  /** Where it was given: an environment variable or the file; undefined when nowhere. */
  readonly source: string | undefined;
  /** A sentence that says what is wrong and what is allowed; never contains a secret. */
  readonly message: string;
}

/** The configuration is invalid; `message` lists every mistake. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly mistakes: readonly Mistake[];

  constructor(mistakes: readonly Mistake[]) {
    const count = mistakes.length === 1
      ? "a mistake"
      : `${mistakes.length} mistakes`;
    const lines = mistakes.map(({ setting, source, message }) => {
      const place = source === undefined || source === setting
        ? setting
        : `${setting} (${source})`;
      return `  ${place}: ${message}`;
    });
    super([`The configuration has ${count}:`, ...lines].join("\n"));
    this.mistakes = mistakes;
  }
}
