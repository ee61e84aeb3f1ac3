/**
 * The one account of the embedded PDS.
 *
 * @module
 */

import { type Did, parseDid } from "../../lib/did.ts";
import { INVALID_HANDLE } from "../../lib/repo/identity/did_document.ts";
import type { Repo } from "../../lib/repo/repo.ts";
import { refuse } from "./refusals.ts";

/** The account of the PDS. */
export interface PdsAccount {
  readonly did: Did;
  /** Its handle, or `handle.invalid`. */
  readonly handle: string;
}

export interface RepoDeps {
  readonly account: PdsAccount;
  readonly repo: Repo;
}

/** Whether the handle or DID `identifier` is that of this account. */
export function isAccount(
  { did, handle }: PdsAccount,
  identifier: string,
): boolean {
  if (identifier === did || parseDid(identifier) === did) return true;
  return handle !== INVALID_HANDLE && identifier.toLowerCase() === handle;
}

/** Throws AppError `INVALID_REQUEST` (`RepoNotFound`) unless `repo` is this account. */
export function requireRepo(account: PdsAccount, repo: string): void {
  if (isAccount(account, repo)) return;
  refuse(
    `The repo ${repo} is not hosted here; this is ${account.did}.`,
    "RepoNotFound",
  );
}

/**
 * Throws AppError `INVALID_REQUEST` unless `identifier` is this account
 * (`RepoNotFound`) and it is not deactivated (`RepoDeactivated`).
 */
export async function requireServed(
  { account, repo }: RepoDeps,
  identifier: string,
): Promise<void> {
  requireRepo(account, identifier);
  const { active } = await repo.head();
  if (!active) {
    refuse(`The repo ${repo.did} is deactivated.`, "RepoDeactivated");
  }
}
