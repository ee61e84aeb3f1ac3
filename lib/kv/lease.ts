/**
 * Named leases: at most one holder at a time across all instances that share
 * the store, and the lease of a dead holder expires.
 *
 * Instances compare times, so their clocks must agree to well within the time
 * to live. A holder that is suspended for longer than that learns late that it
 * lost the lease: work that must never happen twice needs a check in its own
 * commit as well.
 *
 * @module
 */

import { AppError } from "../errors.ts";
import { type Clock, isAhead } from "../clock.ts";
import { leaseKey } from "./keys.ts";
import {
  HeldLease,
  type Lease,
  type LeaseClaim,
  type LeaseEnding,
  type LeaseRow,
} from "./held_lease.ts";
import type { Entry, Kv } from "./kv.ts";
import { KV_LIMITS } from "./limits.ts";

/** How a lease is acquired. */
export interface LeaseOptions {
  /** Time to live after the last renewal, in milliseconds. */
  readonly ttlMs: number;
  /** How long to wait while it is held, in milliseconds; 0, the default, does not wait. */
  readonly waitMs?: number;
  /** Aborts the wait; a lease already held is not affected. */
  readonly signal?: AbortSignal;
  /** A lease that nobody may hold at the moment of the acquisition; it is not acquired. */
  readonly whileFree?: string;
}

const POLL_MS = 25;

/** Sorts after every other character. */
const LAST_CHARACTER = "\u{10FFFF}";

/** Leases that can be acquired together: the checks of one commit, without that of `whileFree`. */
export const MAX_TOGETHER = KV_LIMITS.checks - 1;

/**
 * Acquires the lease `name`, or returns undefined when another holder keeps it
 * for `waitMs`. With several names, at most {@linkcode MAX_TOGETHER}, either
 * all are acquired or none. `clock` must be the clock of `kv`.
 */
export async function acquireLease(
  kv: Kv,
  clock: Clock,
  name: string | readonly string[],
  options: LeaseOptions,
): Promise<Lease | undefined> {
  const { ttlMs, waitMs = 0, signal } = options;
  const names = typeof name === "string" ? [name] : name;
  const owner = crypto.randomUUID();
  const giveUpAt = clock.now() + waitMs;
  // Counted separately, because the clock may be set back meanwhile.
  let waitedMs = 0;
  while (!signal?.aborted) {
    // Set before the commit, so that we never consider it ours for longer than others do.
    const expiresAt = clock.now() + ttlMs;
    const claim = { kv, clock, names, owner, ttlMs, expiresAt };
    if (await take(claim, options.whileFree)) return new HeldLease(claim);
    const left = Math.min(giveUpAt - clock.now(), waitMs - waitedMs);
    if (left <= 0) return undefined;
    const pause = Math.min(left, POLL_MS + Math.random() * POLL_MS);
    await clock.sleep(pause, signal);
    waitedMs += pause;
  }
  return undefined;
}

/**
 * Waits until no lease is held whose name begins with `prefix`. Returns false
 * when that is not so within `waitMs` (0 by default) or `signal` is aborted.
 * Such leases may be acquired at any time, unless the caller holds the lease
 * that they need to be free.
 */
export async function leasesEnded(
  kv: Kv,
  clock: Clock,
  prefix: string,
  { waitMs = 0, signal }: Pick<LeaseOptions, "waitMs" | "signal">,
): Promise<boolean> {
  let waitedMs = 0;
  while (!signal?.aborted) {
    const held = await firstHeld(kv, prefix);
    if (held === undefined) return true;
    await shorten(kv, clock, held);
    if (waitedMs >= waitMs) return false;
    await clock.sleep(POLL_MS, signal);
    waitedMs += POLL_MS;
  }
  return false;
}

async function firstHeld(
  kv: Kv,
  prefix: string,
): Promise<Entry<LeaseRow> | undefined> {
  const selector = {
    start: leaseKey(prefix),
    end: leaseKey(`${prefix}${LAST_CHARACTER}`),
  };
  const rows = kv.list<LeaseRow>(selector, { limit: 1 });
  for await (const entry of rows) return entry;
  return undefined;
}

/**
 * Runs `fn` while holding the lease `name`, or all leases of these names, and
 * returns what it returns.
 *
 * The signal given to `fn` is aborted when the lease is lost; `fn` must then
 * stop changing what the lease protects. The last commit of `fn` may release
 * the lease by `ending`, which saves another commit. Throws AppError `UNAVAILABLE` when the
 * lease cannot be acquired within `waitMs`, or `signal`'s reason.
 */
export async function withLease<T>(
  kv: Kv,
  clock: Clock,
  name: string | readonly string[],
  options: LeaseOptions,
  fn: (signal: AbortSignal, ending: LeaseEnding) => Promise<T>,
): Promise<T> {
  const lease = await acquireLease(kv, clock, name, options);
  if (lease === undefined) {
    options.signal?.throwIfAborted();
    throw new AppError(
      "UNAVAILABLE",
      "Another request is doing the same work at the moment; try again.",
      { retryAfterSeconds: Math.ceil(options.ttlMs / 1000) },
    );
  }
  try {
    return await fn(lease.signal, lease.ending);
  } finally {
    await lease.release();
  }
}

/** Writes the rows of a claim, unless one of the leases or `whileFree` is held. */
async function take(
  claim: LeaseClaim,
  whileFree: string | undefined,
): Promise<boolean> {
  const { kv, clock, owner, ttlMs, expiresAt } = claim;
  const keys = claim.names.map(leaseKey);
  const other = whileFree === undefined ? [] : [leaseKey(whileFree)];
  const held = (await kv.getMany<LeaseRow>([...keys, ...other]))
    .filter((entry) => entry !== undefined);
  if (held.length > 0) {
    for (const entry of held) await shorten(kv, clock, entry);
    return false;
  }
  const row: LeaseRow = { owner, until: expiresAt, ttlMs };
  const change = kv.atomic();
  for (const key of keys) change.check(key, null).set(key, row, { expiresAt });
  for (const key of other) change.check(key, null);
  return await change.commit();
}

/**
 * Shortens a lease that expires too far in the future, because the clock was
 * set back, to one time to live from now. A living holder renews it as usual.
 */
async function shorten(
  kv: Kv,
  clock: Clock,
  { key, versionstamp, value }: Entry<LeaseRow>,
): Promise<void> {
  const { until, ttlMs } = value;
  if (until === undefined || ttlMs === undefined) return;
  const now = clock.now();
  if (!isAhead(until - ttlMs, now)) return;
  const expiresAt = now + ttlMs;
  const row: LeaseRow = { ...value, until: expiresAt };
  await kv.atomic().check(key, versionstamp).set(key, row, { expiresAt })
    .commit();
}
