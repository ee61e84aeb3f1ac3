/**
 * Pending removals of a repository as reads and writes of its tags meet them.
 *
 * @module
 */

import { AppError } from "../../errors.ts";
import type { Entry, Kv } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import { registryKeys } from "../kv_keys.ts";
import type { RemovalRow, RemovalsRow, StoredTagRow, TagRow } from "../rows.ts";
import type { RepoRef } from "./manifest_index.ts";

/** Attempts of work that conflicts with deletes. */
const WORK_ATTEMPTS = 5;

/** A snapshot of the removals of a repository. */
export interface PendingRemovals {
  /** Null if nothing was ever removed. */
  readonly versionstamp: string | null;
  readonly pending: Readonly<Partial<Record<Digest, RemovalRow>>>;
}

/** The removals in a stored row; undefined means no row. */
export function pendingOf(
  entry: Entry<RemovalsRow> | undefined,
): PendingRemovals {
  return {
    versionstamp: entry?.versionstamp ?? null,
    pending: entry?.value.pending ?? {},
  };
}

/** The current removals of a repository. */
export async function readRemovals(
  kv: Kv,
  { did, repo }: RepoRef,
): Promise<PendingRemovals> {
  return pendingOf(await kv.get(registryKeys.removals(did, repo)));
}

/** Whether a tag was deleted with its manifest. */
export function isRemoved(
  { digest, after }: StoredTagRow,
  { pending }: PendingRemovals,
): boolean {
  const removal = digest && pending[digest];
  return removal !== undefined && removal.id !== after;
}

/** Marks `row` as a tag set now, which is not affected by the known removals. */
export function survivor(
  { after: _, ...row }: TagRow,
  { pending }: PendingRemovals,
): TagRow {
  const id = pending[row.digest]?.id;
  return id === undefined ? row : { ...row, after: id };
}

/** A removal has started or ended meanwhile: earlier decisions must be made again. */
export class RemovalsChangedError extends AppError {
  constructor() {
    super(
      "UNAVAILABLE",
      "The repository is being changed by a delete at this moment; try again.",
      { retryAfterSeconds: 1 },
    );
  }
}

/**
 * Runs `work` and retries it a few times when it throws
 * {@linkcode RemovalsChangedError}, unless `lost` is aborted.
 */
export async function whileRemovalsChange<T>(
  work: () => Promise<T>,
  lost?: AbortSignal,
): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await work();
    } catch (error) {
      const isOver = attempt === WORK_ATTEMPTS || lost?.aborted;
      if (isOver || !(error instanceof RemovalsChangedError)) throw error;
    }
  }
}
