/**
 * Exact expiry. Deno KV's own expiry only promises "not before", so the time is
 * stored with the value and checked on each read. Expired rows are removed by
 * the store, or by {@linkcode ExpirySweep} where that is a file.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { Entry, StoredEntry } from "./kv.ts";
import { snapshot } from "./snapshot.ts";

/**
 * Removing expired rows only frees space. It must not happen before readers
 * treat them as expired, even when clocks differ.
 */
const SWEEP_DELAY_MS = 60_000;
const LONGEST_SWEEP_MS = 10 * 365 * 86_400_000;

const EXPIRES = "~expiresAt";
const VALUE = "~value";

/** How a value that expires is stored; other values are stored as they are. */
interface Envelope {
  readonly [EXPIRES]: number;
  readonly [VALUE]: unknown;
}

function isEnvelope(value: unknown): value is Envelope {
  return typeof value === "object" && value !== null && EXPIRES in value;
}

/** Returns `entry` as seen at `now`: undefined when it is absent or expired. */
export function visible<T>(
  entry: Deno.KvEntryMaybe<T>,
  now: number,
): Entry<T> | undefined {
  if (entry.versionstamp === null) return undefined;
  const stored: unknown = entry.value;
  if (!isEnvelope(stored)) return entry;
  if (stored[EXPIRES] <= now) return undefined;
  return {
    key: entry.key,
    value: stored[VALUE] as T,
    versionstamp: entry.versionstamp,
  };
}

/** Whether `entry` expired so long before `now` that it can be removed. */
export function expiredBefore(
  { value }: Deno.KvEntry<unknown>,
  now: number,
): boolean {
  return isEnvelope(value) && value[EXPIRES] + SWEEP_DELAY_MS <= now;
}

/** Like {@linkcode visible}, with the time of expiry. */
export function storedEntry(
  entry: Deno.KvEntry<unknown>,
  now: number,
): StoredEntry | undefined {
  const { key, value } = entry;
  if (!isEnvelope(value)) return { key, value };
  const expiresAt = value[EXPIRES];
  if (expiresAt <= now) return undefined;
  // A plain value that looks like an envelope has one that never ends.
  const stays = expiresAt === Infinity;
  return { key, value: value[VALUE], ...(stays ? {} : { expiresAt }) };
}

/** Returns the stored form of `value`, its size and the options to store it with. */
export function wrap(
  value: unknown,
  expiresAt: number | undefined,
  clock: Clock,
): { stored: unknown; bytes: number; native: { expireIn?: number } } {
  if (expiresAt !== undefined) {
    const left = Math.max(0, Math.ceil(expiresAt - clock.now()));
    return {
      ...snapshot({ [EXPIRES]: expiresAt, [VALUE]: value }),
      native: { expireIn: Math.min(left + SWEEP_DELAY_MS, LONGEST_SWEEP_MS) },
    };
  }
  // A value that looks like an envelope is wrapped in one that never expires.
  const stored = isEnvelope(value)
    ? { [EXPIRES]: Infinity, [VALUE]: value }
    : value;
  return { ...snapshot(stored), native: {} };
}
