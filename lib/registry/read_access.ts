/**
 * Whether somebody may read what a hold has. The hold decides; see
 * `lib/auth/policy.ts` for everything else.
 *
 * @module
 */

import { AppError } from "../errors.ts";
import type { Caller, HoldClient } from "./hold_client.ts";

/** Throws AppError `DENIED` with the hold's reason, or `UNAUTHORIZED` when a login could help. */
export async function requireRead(
  hold: HoldClient,
  caller: Caller,
): Promise<void> {
  const decision = await hold.mayRead(caller);
  if (decision.allowed) return;
  throw new AppError(
    caller === undefined ? "UNAUTHORIZED" : "DENIED",
    decision.reason,
  );
}
