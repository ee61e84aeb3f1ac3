/**
 * The rows behind stars, and what changes together with them.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Atomic, Entry } from "../../kv/kv.ts";
import type { Seen } from "../seen.ts";
import { peopleKeys } from "./kv_keys.ts";

/** A star, whatever the number of records behind it. */
export interface Star {
  readonly actor: Did;
  /** Owner of the repository. */
  readonly did: Did;
  readonly repo: string;
  /** When it was given, in milliseconds since the Unix epoch. */
  readonly at: number;
}

/** What stands at {@linkcode peopleKeys.starRecord}; without a star, the record is gone or broken. */
export interface StarRecordRow extends Seen {
  readonly star?: Omit<Star, "actor">;
}

/** What stands at {@linkcode peopleKeys.star}: keys of the records with their times. */
export interface StarRow {
  readonly records: readonly (readonly [rkey: string, at: number])[];
}

/** Hears of stars in the commit that makes or ends them. */
export interface StarObserver {
  /** Adds what depends on the number and the time of stars to `commit`; `by` is 1 or -1. */
  starred(commit: Atomic, star: Star, by: 1 | -1): void;
}

/** Records of one account for one repository that count; more of them change nothing. */
const MAX_RECORDS = 8;

/** A star that is being changed. */
export class StarDraft {
  readonly #entry: Entry<StarRow> | undefined;
  readonly #star: Omit<Star, "at">;
  readonly #records: Map<string, number>;

  constructor(star: Omit<Star, "at">, entry: Entry<StarRow> | undefined) {
    const { actor, did, repo } = star;
    this.#star = { actor, did, repo };
    this.#entry = entry;
    this.#records = new Map(entry?.value.records);
  }

  add(rkey: string, at: number): void {
    const isFull = this.#records.size >= MAX_RECORDS;
    if (!isFull || this.#records.has(rkey)) this.#records.set(rkey, at);
  }

  remove(rkey: string): void {
    this.#records.delete(rkey);
  }

  /** Adds to `commit` what has become of the star. */
  save(commit: Atomic, observer: StarObserver): void {
    const { actor, did, repo } = this.#star;
    const key = peopleKeys.star(did, repo, actor);
    const count = peopleKeys.starCount(did, repo);
    const before = this.#entry && starredAt(this.#entry.value);
    const after = timeOf([...this.#records.values()]);
    commit.check(key, this.#entry?.versionstamp ?? null);
    if (after === undefined) commit.delete(key);
    else {
      // In one order, whatever came first.
      const row: StarRow = { records: [...this.#records].sort() };
      commit.set(key, row);
    }
    if (before === after) return;
    if (before === undefined) commit.sum(count, 1n);
    if (after === undefined) commit.sum(count, -1n);
    if (before !== undefined) {
      commit.delete(peopleKeys.starred(actor, before, did, repo));
      observer.starred(commit, { ...this.#star, at: before }, -1);
    }
    if (after !== undefined) {
      commit.set(peopleKeys.starred(actor, after, did, repo), 1);
      observer.starred(commit, { ...this.#star, at: after }, 1);
    }
  }
}

/** The time of a star is that of its earliest record. */
function timeOf(times: readonly number[]): number | undefined {
  return times.length === 0 ? undefined : Math.min(...times);
}

/** When a star was given, from its row. */
export function starredAt(row: StarRow): number {
  return timeOf(row.records.map(([, at]) => at)) ?? 0;
}
