/**
 * Number of cases of property tests. `FUZZ_RUNS` sets the number of cases per
 * property, for a long search on demand.
 *
 * @module
 */

import assert from "node:assert/strict";
import { isAppError } from "../../lib/errors.ts";

/** Parameters for `fc.assert`: `FUZZ_RUNS` cases of each property, 200 by default. */
export const FUZZ = { numRuns: runs(Deno.env.get("FUZZ_RUNS")) };

function runs(text: string | undefined): number {
  const count = Number(text ?? "200");
  assert.ok(
    Number.isSafeInteger(count) && count > 0,
    `FUZZ_RUNS must be a positive number, not ${text}`,
  );
  return count;
}

/**
 * Runs a parser of untrusted input: returns its value, or undefined for an
 * AppError with a 4xx status; any other error fails the test.
 */
export function valueOrClientError<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    assert.ok(isAppError(error), `not an AppError: ${error}`);
    const { status } = error.spec;
    assert.ok(status >= 400 && status < 500, `${status}: ${error.message}`);
    assert.ok(error.message.length > 0);
    return undefined;
  }
}
