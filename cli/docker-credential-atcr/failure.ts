/**
 * A failure with a sentence for the user.
 *
 * @module
 */

/** Ends the program with exit code 1. */
export class Failure extends Error {
  override readonly name = "Failure";
  /** Whether the sentence is for a container client. */
  readonly forClient: boolean;

  constructor(message: string, options: { forClient?: boolean } = {}) {
    super(message);
    this.forClient = options.forClient ?? false;
  }
}
