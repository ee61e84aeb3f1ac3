/**
 * Shared by methods that write records: authorisation and the commit.
 *
 * @module
 */

import type { Did } from "../../../lib/did.ts";
import { isAppError } from "../../../lib/errors.ts";
import type { ApplyResult, WriteResult } from "../../../lib/repo/types.ts";
import type { RepoWrite } from "../../../lib/repo/writes.ts";
import { type RepoDeps, requireServed } from "../account.ts";
import type { XrpcContext } from "../mount.ts";
import { refuse } from "../refusals.ts";

/** Allows captain and crew admins to write. */
export interface RepoAdmins {
  /**
   * Returns the captain or crew admin who sends `request` for the method `lxm`.
   * Throws AppError `UNAUTHORIZED` or `DENIED` for all others.
   */
  readonly authorize: (request: Request, lxm: string) => Promise<Did>;
}

export interface RepoWriteDeps extends RepoDeps, RepoAdmins {
  /** Throws AppError `DENIED` when `caller` may write records but not these. */
  readonly permit: (
    caller: Did,
    writes: readonly RepoWrite[],
  ) => Promise<void>;
  /** Called after records were written; they may change access. */
  readonly written: (writes: readonly RepoWrite[]) => void;
}

/** Allows captain and crew admins to call a method. */
export function repoAdmins({ authorize }: RepoAdmins) {
  return (c: XrpcContext, nsid: string): Promise<Did> =>
    authorize(c.req.raw, nsid);
}

/** Common input of methods that write records. */
interface Target {
  readonly repo: string;
  readonly swapCommit?: string;
}

/** Commits `writes` for `caller`. Records are validated even if `validate` is false. */
export async function applyTo(
  deps: RepoWriteDeps,
  { repo, swapCommit }: Target,
  caller: Did,
  writes: readonly RepoWrite[],
): Promise<ApplyResult> {
  await requireServed(deps, repo);
  await deps.permit(caller, writes);
  try {
    return await deps.repo.apply(
      writes,
      swapCommit === undefined ? {} : { swapCommit },
    );
  } catch (error) {
    // Like other PDSes for conflicts with the current state.
    if (isAppError(error, "CONFLICT")) refuse(error.message, error.xrpcName);
    throw error;
  } finally {
    deps.written(writes);
  }
}

/** The output of a write of one record. */
export function single(done: ApplyResult) {
  const [result] = done.results;
  if (result === undefined) throw new Error("The commit has no record.");
  return { ...placeOf(result), ...committed(done) };
}

/** URI and CID of a written record. */
export function placeOf({ uri, cid }: WriteResult) {
  if (cid === undefined) throw new Error(`The record ${uri} has no CID.`);
  return { uri, cid };
}

/** The commit, if there was one. */
export function committed({ cid, rev, results }: ApplyResult) {
  return results.some(({ action }) => action !== "none")
    ? { commit: { cid, rev } }
    : {};
}
