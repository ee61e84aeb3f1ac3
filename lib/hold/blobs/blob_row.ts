/**
 * The row of a blob and its state transitions.
 *
 * @module
 */

import { AppError } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";

/** Damage of a stored object: missing, wrong size or wrong bytes. */
export type Damage = "missing" | "size" | "digest";

/** One blob. */
export interface BlobRow {
  /** Bytes. */
  readonly size: number;
  /** When the content was verified against the digest, in milliseconds since the Unix epoch. */
  readonly verifiedAt: number;
  readonly state: "live" | "quarantined" | "purging" | "removed" | "damaged";
  /** Time of the last state change, in milliseconds since the Unix epoch. */
  readonly since: number;
  /** Why it was quarantined, removed or found damaged, as a sentence. */
  readonly reason: string | undefined;
  /** State of the bytes of a `removed` blob; absent in other states. */
  readonly bytes?: "kept" | "going" | "gone";
  /** Set while it is `damaged`, or if it was when the operator removed it. */
  readonly damage?: Damage;
}

/** Time after which a purge counts as interrupted, in milliseconds. */
export const PURGE_MS = 2 * 60 * 1000;

/** Reason of a blob that the operator removed. */
const REMOVED = "The operator of this hold removed it.";

/** Reason used by earlier versions, which quarantined removed blobs. */
const REMOVED_BEFORE = "It was deleted.";

/** Description of each kind of damage for the operator. */
const DAMAGES: Readonly<Record<Damage, string>> = {
  missing: "Its object is missing in the store.",
  size: "Its object has another size than the blob.",
  digest: "Its object has other bytes than the blob.",
};

/** Marks `row` as damaged since `now`. */
export function damagedRow(
  row: Pick<BlobRow, "size" | "verifiedAt">,
  damage: Damage,
  now: number,
): BlobRow {
  return {
    size: row.size,
    verifiedAt: row.verifiedAt,
    state: "damaged",
    since: now,
    reason: DAMAGES[damage],
    damage,
  };
}

/** Builds the row of a readable blob verified at `verifiedAt`. */
export function liveRow(
  size: number,
  verifiedAt: number,
  now: number,
): BlobRow {
  return { size, verifiedAt, state: "live", since: now, reason: undefined };
}

/** Marks `row` as removed by the operator at `now`. */
export function removedRow(row: BlobRow, now: number): BlobRow {
  const { size, verifiedAt, state, damage } = row;
  return {
    size,
    verifiedAt,
    state: "removed",
    since: now,
    reason: REMOVED,
    bytes: state === "purging" ? "going" : "kept",
    ...(damage === undefined ? {} : { damage }),
  };
}

/** Builds the row of a removed blob with existing bytes that the operator allows again at `now`. */
export function allowedRow(row: BlobRow, now: number): BlobRow {
  const { size, verifiedAt, damage } = row;
  return damage === undefined
    ? liveRow(size, verifiedAt, now)
    : damagedRow(row, damage, now);
}

/**
 * Builds the row of a blob that is purged from `now` on; undefined when it has
 * been in its state for less than `graceMs` milliseconds.
 */
export function purgeClaim(
  row: BlobRow,
  graceMs: number,
  now: number,
): BlobRow | undefined {
  if (row.state === "live" || row.bytes === "gone") return undefined;
  const isGoing = row.state === "purging" || row.bytes === "going";
  if (now - row.since < (isGoing ? PURGE_MS : graceMs)) return undefined;
  return row.state === "removed"
    ? { ...row, bytes: "going", since: now }
    : { ...row, state: "purging", since: now };
}

/** Converts a row of an earlier version. */
export function current(row: BlobRow): BlobRow {
  return row.state === "quarantined" && row.reason === REMOVED_BEFORE
    ? { ...row, state: "removed", reason: REMOVED, bytes: "kept" }
    : row;
}

/** The error for a blob removed by the operator: AppError `DENIED`. */
export function notAllowed(digest: Digest): AppError {
  return new AppError(
    "DENIED",
    `The operator of this hold removed the blob ${digest}; it cannot be pushed here until the operator allows it again.`,
  );
}

/** The error for an object that is being deleted: AppError `UNAVAILABLE`. */
export function beingRemoved(digest: Digest): AppError {
  return new AppError(
    "UNAVAILABLE",
    `The blob ${digest} is just being removed; push it again in a moment.`,
    { retryAfterSeconds: 5 },
  );
}

/** A time in the future was written by a wrong clock and proves nothing. */
export function isVerifiedSince(
  row: BlobRow | undefined,
  startedAt: number,
  now: number,
): boolean {
  return row?.state === "live" && row.verifiedAt >= startedAt &&
    row.verifiedAt <= now;
}

/** Whether a blob is unchanged between two reads of its row. */
export function isSame(
  a: BlobRow | undefined,
  b: BlobRow | undefined,
): boolean {
  return a?.state === b?.state && a?.since === b?.since &&
    a?.verifiedAt === b?.verifiedAt;
}

/** The error for too much contention on a blob: AppError `UNAVAILABLE`. */
export function beingCounted(digest: Digest): AppError {
  return new AppError(
    "UNAVAILABLE",
    `Too many concurrent changes of the blob ${digest}; push it again in a moment.`,
    { retryAfterSeconds: 1 },
  );
}
