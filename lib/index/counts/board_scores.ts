/**
 * Orders of boards.
 *
 * @module
 */

import type { Did } from "../../did.ts";

/** A repository, or an account where there is no `repo`, with its number. */
export interface BoardEntry {
  readonly did: Did;
  readonly repo?: string;
  readonly value: number;
}

/** Numbers by name; see {@linkcode nameOf}. */
export type Tally = Map<string, number>;

/** Entries of a board. */
const MAX_ENTRIES = 200;
/** Bytes of the names of a board: a value of the store ends at 64 KiB. */
const MAX_BYTES = 48_000;
/** Days of the recent time and of the time before that it is compared with. */
const RECENT_DAYS = 7;
const BEFORE_DAYS = 23;
/** A star is as much interest as so many pulls. */
const STAR_PULLS = 20;
/** Less interest in a week is no trend. */
const MIN_RECENT = 5;

/** How a repository, or an account, is named in a tally. */
export function nameOf(did: Did, repo?: string): string {
  return repo === undefined ? did : `${did} ${repo}`;
}

/** Adds `by` to the number of `name`. */
export function addTo(tally: Tally, name: string, by: number): void {
  tally.set(name, (tally.get(name) ?? 0) + by);
}

/** The entries with the highest numbers, at most 200; those with the same number by name. */
export function topOf(tally: Tally): BoardEntry[] {
  const best = [...tally].filter(([, value]) => value > 0)
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  const entries: BoardEntry[] = [];
  let bytes = 0;
  for (const [name, value] of best.slice(0, MAX_ENTRIES)) {
    bytes += name.length + 60;
    if (bytes > MAX_BYTES) break;
    const [did, repo] = name.split(" ") as [Did, string | undefined];
    entries.push({ did, value, ...(repo === undefined ? {} : { repo }) });
  }
  return entries;
}

/** Pulls and stars of the last 7 and the last 30 days. */
export interface Interest {
  readonly pulls7: Tally;
  readonly pulls30: Tally;
  readonly stars7: Tally;
  readonly stars30: Tally;
}

/**
 * How far the interest of the last 7 days goes beyond what the 23 days before
 * lead to expect, in standard deviations of chance (Poisson), so that neither
 * what is always popular nor a few pulls of something unknown come first.
 */
export function trends(interest: Interest): Tally {
  const { pulls7, pulls30, stars7, stars30 } = interest;
  const trends: Tally = new Map();
  for (const name of new Set([...pulls7.keys(), ...stars7.keys()])) {
    const sum = (pulls: Tally, stars: Tally) =>
      (pulls.get(name) ?? 0) + STAR_PULLS * (stars.get(name) ?? 0);
    const recent = sum(pulls7, stars7);
    if (recent < MIN_RECENT) continue;
    const before = Math.max(0, sum(pulls30, stars30) - recent);
    const expected = before * RECENT_DAYS / BEFORE_DAYS;
    const score = (recent - expected) / Math.sqrt(expected + 1);
    if (score > 0) trends.set(name, Math.round(100 * score) / 100);
  }
  return trends;
}
