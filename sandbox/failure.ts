/**
 * Failures that the user can fix.
 *
 * @module
 */

/** `message` says in one sentence or two what is wrong and what to do. */
export class StartFailure extends Error {
  override readonly name = "StartFailure";
}
