/**
 * A failure with a sentence for the person.
 *
 * @module
 */

/** Ends the program with exit code 1. */
export class Failure extends Error {
  override readonly name = "Failure";
  /** Whether a container client waits for the sentence. */
  readonly forClient: boolean;

  constructor(message: string, options: { forClient?: boolean } = {}) {
    super(message);
    this.forClient = options.forClient ?? false;
  }
}
