/**
 * Error for a PDS that grants less than the registry needs.
 *
 * @module
 */

import { AppError } from "../../errors.ts";

/** Thrown when permissions are missing. */
export class ScopesRefused extends AppError {
  /** @param missing phrases as returned by `missingPermissions`. */
  constructor(missing: readonly string[], cause?: unknown) {
    super(
      "DENIED",
      `Your PDS did not grant what this registry needs: ${
        missing.join(", ")
      }. Start again and allow all of it.`,
      { cause },
    );
  }
}
