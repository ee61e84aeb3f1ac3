/**
 * Whether a caller may read what a hold has, or push to it. The hold decides; see
 * `lib/auth/policy.ts` for everything else.
 *
 * @module
 */

import type { Did } from "../did.ts";
import { AppError } from "../errors.ts";
import type {
  Caller,
  HoldClient,
  HoldDirectory,
} from "../hold_api/hold_client.ts";
import type { RepositoryRow } from "./rows.ts";

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

/**
 * The same for content that is not there: to somebody who may not read the
 * repository it has to look like content that is. For a repository that is not
 * there `HiddenRepositories` decides.
 */
export async function requireRepositoryRead(
  holds: HoldDirectory,
  repository: RepositoryRow | undefined,
  caller: Caller,
): Promise<void> {
  if (!repository) return;
  await requireRead(await holds.get(repository.holdDid), caller);
}

/** Throws AppError `DENIED` with the hold's reason when `caller` may not push there. */
export async function requireWrite(
  hold: HoldClient,
  caller: Did,
): Promise<void> {
  const decision = await hold.mayWrite(caller);
  if (!decision.allowed) throw new AppError("DENIED", decision.reason);
}
