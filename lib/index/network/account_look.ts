/**
 * Current status and PDS of an account.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { RepoHead } from "../../atproto/hosting/repo_status.ts";
import type { IdentityResolver } from "../../atproto/identity/identity.ts";
import { isAppError } from "../../errors.ts";

export interface AccountLookDeps {
  readonly identities: Pick<IdentityResolver, "resolve">;
  readonly heads: { head(pds: string, did: Did): Promise<RepoHead> };
}

/** Current state of an account. */
export interface AccountNow extends RepoHead {
  /** Origin of the PDS; undefined if the DID document names none. */
  readonly pds: string | undefined;
}

/** Queries the DID directory and the PDS. Throws AppError when one of them cannot be queried. */
export async function lookAtAccount(
  { identities, heads }: AccountLookDeps,
  did: Did,
): Promise<AccountNow> {
  try {
    const { pds } = await identities.resolve(did, { fresh: true });
    if (pds !== undefined) return { ...await heads.head(pds, did), pds };
    return { status: "inactive", rev: undefined, pds };
  } catch (error) {
    // The host of a did:web may be misconfigured.
    const isGone = isAppError(error, "NAME_UNKNOWN") &&
      did.startsWith("did:plc:");
    if (!isGone) throw error;
    return { status: "deleted", rev: undefined, pds: undefined };
  }
}
