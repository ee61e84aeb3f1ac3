/**
 * Asserts how a call is refused.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type ErrorCode, isAppError } from "../../lib/errors.ts";

/** Fails unless `call` rejects with an AppError of one of `codes`. */
export async function rejects(
  call: Promise<unknown>,
  ...codes: ErrorCode[]
): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(isAppError(error, ...codes), `${error} is no ${codes}`);
    return true;
  });
}
