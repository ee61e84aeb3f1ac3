/**
 * Failures that the person who starts the sandbox can mend.
 *
 * @module
 */

/** `message` says in one sentence or two what is wrong and what to do. */
export class StartFailure extends Error {
  override readonly name = "StartFailure";
}
