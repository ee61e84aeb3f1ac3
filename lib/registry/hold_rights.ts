/**
 * Checks whether a caller may read from or push to a hold. The hold decides;
 * see `lib/auth/policy.ts` for everything else.
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

/**
 * Throws AppError `DENIED`, or `UNAUTHORIZED` when a login could help. The
 * message is the same for all holds: naming the hold would reveal which
 * repositories of an owner with several private holds exist.
 */
export async function requireRead(
  hold: HoldClient,
  caller: Caller,
): Promise<void> {
  if ((await hold.mayRead(caller)).allowed) return;
  if (caller === undefined) {
    throw new AppError(
      "UNAUTHORIZED",
      "This repository is private or does not exist; sign in as a member of the crew of its hold to read.",
    );
  }
  throw new AppError(
    "DENIED",
    `${caller} is not crew of the hold of this repository, or may not read there, or the repository does not exist. Ask its owner which hold it is, and the captain of that hold for blob:read.`,
  );
}

/**
 * The same for missing content: to a caller that may not read the repository it
 * must look like existing content. For a missing repository
 * `HiddenRepositories` decides.
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
