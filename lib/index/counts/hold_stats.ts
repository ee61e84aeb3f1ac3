/**
 * Pulls that holds have counted. A hold says how often a repository was pulled
 * in all, pulls by way of this registry included, because those are reported
 * to it. What it counts beyond the reports came another way and is added once.
 *
 * The numbers are compared a while after the record was seen: until then every
 * instance has written which pulls it reported, so that none of them is taken
 * for one that came another way.
 *
 * @module
 */

import { HOLD_COLLECTIONS } from "../../atproto/records/collections.ts";
import { statsRkey } from "../../atproto/records/rkeys.ts";
import { readStats } from "../../atproto/records/stats_record.ts";
import type { Clock } from "../../clock.ts";
import { type Did, parseDid } from "../../did.ts";
import { AppError } from "../../errors.ts";
import type { Entry, Kv } from "../../kv/kv.ts";
import { dayOf } from "../order.ts";
import type { RepoRef } from "../visible.ts";
import type { RecordChange, RecordHandler } from "../record_change.ts";
import { isNews, type Seen, seenFrom } from "../seen.ts";
import type { IndexWatch } from "../watch.ts";
import { countKeys } from "./kv_keys.ts";

export interface HoldStatsDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly watch: IndexWatch;
  /** The holds that have the images of repositories, in the order of `refs`; undefined where that is not known. */
  readonly holdsOf: (
    refs: readonly RepoRef[],
  ) => Promise<readonly (Did | undefined)[]>;
}

/** What stands at {@linkcode countKeys.holdStats}. */
interface StatsRow extends Seen {
  readonly pulls: number;
  readonly pushes: number;
  /** Pulls that came another way and were added; absent before the first time. */
  readonly added?: number;
}

/** Tries of a commit that others get in the way of. */
const ATTEMPTS = 20;
/** Reports of pulls are written by then, in milliseconds. */
const SETTLE_MS = 3 * 60_000;
/** Rows looked at in one run. */
const MAX_RUN = 10_000;
/** Rows whose holds are asked for together. */
const PAGE = 100;

/** Takes the statistics of holds. */
export class HoldStats implements RecordHandler {
  readonly collections = [HOLD_COLLECTIONS.stats];
  readonly #deps: HoldStatsDeps;

  constructor(deps: HoldStatsDeps) {
    this.#deps = deps;
  }

  /** Throws AppError `UNAVAILABLE` when others keep changing the same row. */
  async apply(change: RecordChange): Promise<void> {
    const stats = readStats(change.record);
    if (!stats) return; // What was counted stays, also when the record goes.
    const { owner, repo, pulls, pushes } = stats;
    // A second record about the same repository would count twice.
    if (change.rkey.toLowerCase() !== statsRkey(owner, repo)) {
      return this.#deps.watch.ignored(change.collection, "not at its key");
    }
    const { kv } = this.#deps;
    const key = countKeys.holdStats(owner, repo, change.did);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const entry = await kv.get<StatsRow>(key);
      if (!isNews(change, entry?.value)) return;
      const row: StatsRow = {
        ...entry?.value,
        ...seenFrom(change, entry?.value),
        pulls,
        pushes,
      };
      const commit = kv.atomic().check(key, entry?.versionstamp ?? null)
        .set(key, row)
        .set(countKeys.unsettled(owner, repo, change.did), 1);
      if (await commit.commit()) return;
    }
    throw new AppError(
      "UNAVAILABLE",
      "Another request is changing the same statistics at the moment; try again.",
      { retryAfterSeconds: 1 },
    );
  }

  /** Adds what came another way; returns for how many repositories. Call it every few minutes in one instance. */
  async settle(signal: AbortSignal): Promise<number> {
    const { kv } = this.#deps;
    let settled = 0;
    let page: Entry<unknown>[] = [];
    const flush = async () => {
      settled += await this.#settlePage(page);
      page = [];
    };
    const selector = { prefix: countKeys.allUnsettled() };
    for await (const entry of kv.list(selector, { limit: MAX_RUN })) {
      signal.throwIfAborted();
      page.push(entry);
      if (page.length >= PAGE) await flush();
    }
    await flush();
    return settled;
  }

  async #settlePage(page: readonly Entry<unknown>[]): Promise<number> {
    const { holdsOf } = this.#deps;
    const marks = page.flatMap((mark) => {
      const [owner, repo, hold] = mark.key.slice(-3).map(String);
      const [did, holdDid] = [parseDid(owner ?? ""), parseDid(hold ?? "")];
      return did && holdDid ? [{ mark, did, repo: repo ?? "", holdDid }] : [];
    });
    const holds = await holdsOf(marks);
    let settled = 0;
    for (const [i, { mark, did, repo, holdDid }] of marks.entries()) {
      const isTrusted = holds[i] === holdDid;
      if (await this.#settleOne(mark, { did, repo }, holdDid, isTrusted)) {
        settled++;
      }
    }
    return settled;
  }

  /** Whether pulls were added. */
  async #settleOne(
    mark: Entry<unknown>,
    { did, repo }: RepoRef,
    hold: Did,
    isTrusted: boolean,
  ): Promise<boolean> {
    const { kv, clock } = this.#deps;
    const key = countKeys.holdStats(did, repo, hold);
    const entry = await kv.get<StatsRow>(key);
    const commit = kv.atomic()
      .check(mark.key, mark.versionstamp)
      .delete(mark.key);
    if (!entry) {
      await commit.commit();
      return false;
    }
    const { pulls, added, seenAt } = entry.value;
    if (clock.now() - seenAt < SETTLE_MS) return false;
    // Anybody can write such a record; the hold of the images is believed, and one that was it.
    if (!isTrusted && added === undefined) {
      await commit.commit();
      return false;
    }
    const reported = await kv.counter(countKeys.reported(did, repo, hold));
    const other = Math.max(added ?? 0, pulls - Number(reported));
    const more = other - (added ?? 0);
    const row: StatsRow = { ...entry.value, added: other };
    commit.check(key, entry.versionstamp).set(key, row);
    if (more > 0) {
      commit.sum(countKeys.pulls(did, repo), BigInt(more));
      // What the hold counted before it was heard of belongs to no day.
      if (added !== undefined) {
        commit.sum(
          countKeys.pullsOn(dayOf(seenAt), did, repo),
          BigInt(more),
        );
      }
    }
    return await commit.commit() && more > 0;
  }
}
