/**
 * Commits that fail: because the repo differs from our index, or after the PDS
 * may have applied them, when its response got lost.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";
import { inParallel } from "../../async/in_parallel.ts";
import type {
  PdsReader,
  PdsSession,
  RepoWrite,
} from "../../atproto/pds/pds.ts";
import { isAppError } from "../../errors.ts";
import type { CommittedRecord } from "./owner_commits.ts";

/** Errors after which a commit may have been applied. */
export const MAY_HAVE_COMMITTED = ["UNAVAILABLE", "UPSTREAM_TIMEOUT"] as const;

/** How long the records are looked up, in milliseconds, and how many at a time. */
const LOOK_UP_MS = 5_000;
const PARALLEL = 4;

/**
 * The records of `writes` if all of them are in the repo as they were to be
 * written, else undefined, also when the PDS does not say.
 */
export async function committedAlready(
  pds: Pick<PdsReader, "getRecord">,
  session: Pick<PdsSession, "did" | "pds">,
  writes: readonly RepoWrite[],
  signal?: AbortSignal,
): Promise<readonly CommittedRecord[] | undefined> {
  if (writes.length === 0) return undefined;
  const late = AbortSignal.timeout(LOOK_UP_MS);
  const either = signal ? AbortSignal.any([signal, late]) : late;
  try {
    const found = await inParallel(writes, PARALLEL, async (write) => {
      if (write.action === "delete") return undefined;
      const { collection, rkey } = write;
      const record = await pds.getRecord(
        session.pds,
        session.did,
        collection,
        rkey,
        either,
      );
      return record && isSame(record.value, write.value)
        ? { collection, rkey, cid: record.cid }
        : undefined;
    });
    const records = found.filter((one) => one !== undefined);
    return records.length === writes.length ? records : undefined;
  } catch (error) {
    if (isAppError(error) || late.aborted && !signal?.aborted) return undefined;
    throw error;
  }
}

/** Compares as JSON, which leaves out what is undefined. */
function isSame(found: unknown, written: unknown): boolean {
  return isDeepStrictEqual(found, JSON.parse(JSON.stringify(written)));
}

/** Whether a failure may be caused by a repo that differs from our index. */
export function isRetryable(error: unknown): boolean {
  return isAppError(error) && !isAppError(
    error,
    "UNAVAILABLE",
    "UNAUTHORIZED",
    "DENIED",
    "TOOMANYREQUESTS",
    "UPSTREAM_TIMEOUT",
  );
}
