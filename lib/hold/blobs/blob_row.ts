/**
 * The row of one blob and what is said of it.
 *
 * @module
 */

import { AppError } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";

/** What is wrong with a stored object: it is gone, has another size, or other bytes. */
export type Damage = "missing" | "size" | "digest";

/** One blob. */
export interface BlobRow {
  /** Bytes. */
  readonly size: number;
  /** When the content was checked against the digest, in milliseconds since the Unix epoch. */
  readonly verifiedAt: number;
  readonly state: "live" | "quarantined" | "purging" | "removed" | "damaged";
  /** Since when it has this state, in milliseconds since the Unix epoch. */
  readonly since: number;
  /** Why it was quarantined, removed or found damaged, as a sentence. */
  readonly reason: string | undefined;
  /** What became of the bytes of a `removed` blob; absent in other states. */
  readonly bytes?: "kept" | "going" | "gone";
  /** Set while it is `damaged`, or was when the operator removed it. */
  readonly damage?: Damage;
}

/** A purge that takes longer than this has died, in milliseconds. */
export const PURGE_MS = 2 * 60 * 1000;

/** Reason of a blob that the operator removed. */
const REMOVED = "The operator of this hold removed it.";

/** Reason under which earlier versions quarantined what the operator removed. */
const REMOVED_BEFORE = "It was deleted.";

/** What the operator reads of each kind of damage. */
const DAMAGES: Readonly<Record<Damage, string>> = {
  missing: "Its object is gone from the store.",
  size: "Its object has another size than the blob.",
  digest: "Its object has other bytes than the blob.",
};

/** `row` as that of a blob whose stored object is wrong, since `now`. */
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

/** The row of a readable blob whose bytes were verified at `verifiedAt`. */
export function liveRow(
  size: number,
  verifiedAt: number,
  now: number,
): BlobRow {
  return { size, verifiedAt, state: "live", since: now, reason: undefined };
}

/** `row` as that of a blob that the operator takes away at `now`. */
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

/** The row of a removed blob whose bytes are still there, when the operator allows it again at `now`. */
export function allowedRow(row: BlobRow, now: number): BlobRow {
  const { size, verifiedAt, damage } = row;
  return damage === undefined
    ? liveRow(size, verifiedAt, now)
    : damagedRow(row, damage, now);
}

/**
 * The row of a blob whose bytes go from `now` on; undefined when they may not
 * go before `graceMs` milliseconds in the present state are over.
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

/** The row as this version would have written it. */
export function current(row: BlobRow): BlobRow {
  return row.state === "quarantined" && row.reason === REMOVED_BEFORE
    ? { ...row, state: "removed", reason: REMOVED, bytes: "kept" }
    : row;
}

/** The operator took the blob away: AppError `DENIED`. */
export function notAllowed(digest: Digest): AppError {
  return new AppError(
    "DENIED",
    `The operator of this hold removed the blob ${digest}; it cannot be pushed here until the operator allows it again.`,
  );
}

/** The object is going at this moment: AppError `UNAVAILABLE`. */
export function beingRemoved(digest: Digest): AppError {
  return new AppError(
    "UNAVAILABLE",
    `The blob ${digest} is just being removed; push it again in a moment.`,
    { retryAfterSeconds: 5 },
  );
}

/** A time in the future was written by a clock that was wrong, so it proves nothing. */
export function isVerifiedSince(
  row: BlobRow | undefined,
  startedAt: number,
  now: number,
): boolean {
  return row?.state === "live" && row.verifiedAt >= startedAt &&
    row.verifiedAt <= now;
}

/** Whether nothing has happened to a blob between two looks at its row. */
export function isSame(
  a: BlobRow | undefined,
  b: BlobRow | undefined,
): boolean {
  return a?.state === b?.state && a?.since === b?.since &&
    a?.verifiedAt === b?.verifiedAt;
}

/** Too many commits around a blob: AppError `UNAVAILABLE`. */
export function beingCounted(digest: Digest): AppError {
  return new AppError(
    "UNAVAILABLE",
    `Too much changes at once around the blob ${digest}; push it again in a moment.`,
    { retryAfterSeconds: 1 },
  );
}
