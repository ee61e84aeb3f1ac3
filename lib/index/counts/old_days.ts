/**
 * Counts of days long past: pulls become counts of months, pulls of tags and
 * pushes go. Days of stars stay, because a star of any age can be taken back.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import { parseDid } from "../../did.ts";
import { countOf } from "../../kv/counters.ts";
import type { Entry, Kv } from "../../kv/kv.ts";
import { dayOf, startOfDay } from "../order.ts";
import { countKeys } from "./kv_keys.ts";

/** Days are kept for this many days. */
const KEPT_DAYS = 400;
/** Rows of one run. */
const MAX_ROWS = 100_000;
/** Tags of one repository whose pulls of a day go in one commit. */
const MAX_TAGS = 200;

/** Folds days that are older than 400 days; returns how many rows went. Call it once a day in one instance. */
export async function foldOldDays(
  { kv, clock }: { readonly kv: Kv; readonly clock: Clock },
  signal: AbortSignal,
): Promise<number> {
  const end = dayOf(clock.now()) - KEPT_DAYS;
  let gone = 0;
  for (const days of [countKeys.allPullsOn, countKeys.allPushesOn]) {
    const selector = { prefix: days(), end: days(end) };
    const rows = kv.list<unknown>(selector, { limit: MAX_ROWS });
    for await (const entry of rows) {
      signal.throwIfAborted();
      const isPulls = days === countKeys.allPullsOn;
      if (await (isPulls ? foldPulls(kv, entry) : drop(kv, entry))) gone++;
    }
  }
  return gone;
}

async function foldPulls(kv: Kv, entry: Entry<unknown>): Promise<boolean> {
  const { key, value, versionstamp } = entry;
  const [day, did, repo] = [
    Number(key.at(-3)),
    parseDid(String(key.at(-2))),
    String(key.at(-1)),
  ];
  if (!did) return await drop(kv, entry);
  const month = new Date(startOfDay(day)).toISOString().slice(0, 7);
  const commit = kv.atomic().check(key, versionstamp).delete(key)
    .sum(countKeys.pullsIn(month, did, repo), BigInt(countOf(value)));
  const tags = { prefix: countKeys.pullsOfTags(did, repo, day) };
  for await (const tag of kv.list(tags, { limit: MAX_TAGS })) {
    commit.delete(tag.key);
  }
  return await commit.commit();
}

async function drop(kv: Kv, entry: Entry<unknown>): Promise<boolean> {
  const { key, versionstamp } = entry;
  return await kv.atomic().check(key, versionstamp).delete(key).commit();
}
