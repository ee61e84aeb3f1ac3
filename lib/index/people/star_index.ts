/**
 * Stars as the records of all accounts say them, counted once for each account
 * and repository however often and in whatever order changes arrive.
 *
 * @module
 */

import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import { readStar } from "../../atproto/records/star_record.ts";
import type { Clock } from "../../clock.ts";
import { type Did, parseDid } from "../../did.ts";
import { AppError } from "../../errors.ts";
import type { Entry, Key, Kv } from "../../kv/kv.ts";
import type { Page, PageRequest } from "../cursor.ts";
import { pageOfEntries } from "../key_pages.ts";
import { newestFirst } from "../order.ts";
import type { RecordChange, RecordHandler } from "../record_change.ts";
import { isNews, seenFrom } from "../seen.ts";
import type { RepoRef } from "../visible.ts";
import { peopleKeys } from "./kv_keys.ts";
import {
  type Star,
  StarDraft,
  type StarObserver,
  type StarRecordRow,
  starredAt,
  type StarRow,
} from "./star_rows.ts";
import type { IndexWatch } from "../watch.ts";

export interface StarIndexDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly observer: StarObserver;
  /** Called after the stars of a repository may have changed. */
  readonly onStars: (repo: RepoRef) => Promise<void>;
  readonly watch: IndexWatch;
}

/** Tries of a commit that others get in the way of. */
const ATTEMPTS = 20;
/** How long a deletion is remembered, in milliseconds; streams repeat what is up to 36 hours old. */
const GONE_MS = 7 * 86_400_000;

/** Reads and writes the rows of stars. */
export class StarIndex implements RecordHandler {
  readonly collections = [OWNER_COLLECTIONS.star];
  readonly #deps: StarIndexDeps;

  constructor(deps: StarIndexDeps) {
    this.#deps = deps;
  }

  /** Throws AppError `UNAVAILABLE` when others keep changing the same star. */
  async apply(change: RecordChange): Promise<void> {
    const key = peopleKeys.starRecord(change.did, change.rkey);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const entry = await this.#deps.kv.get<StarRecordRow>(key);
      if (!isNews(change, entry?.value)) return;
      const star = starOf(change);
      if (!star && change.record !== undefined) {
        this.#deps.watch.ignored(change.collection, "no star");
      }
      if (entry && change.rev === undefined && isSame(entry.value.star, star)) {
        return;
      }
      const row: StarRecordRow = {
        ...seenFrom(change, entry?.value),
        ...(star ? { star } : {}),
      };
      if (await this.#replace(change, key, entry, row)) return;
    }
    throw new AppError(
      "UNAVAILABLE",
      "Another request is changing the same star at the moment; try again.",
      { retryAfterSeconds: 1 },
    );
  }

  /** How many accounts star each repository, in the order of `refs`. */
  async counts(refs: readonly RepoRef[]): Promise<number[]> {
    const counts = await Promise.all(
      refs.map(({ did, repo }) =>
        this.#deps.kv.counter(peopleKeys.starCount(did, repo))
      ),
    );
    this.#deps.watch.rowsRead("star counts", refs.length);
    return counts.map(Number);
  }

  /** The records by which `actor` stars the repository; undefined when it does not. */
  async records(
    actor: Did,
    { did, repo }: RepoRef,
  ): Promise<readonly string[] | undefined> {
    const entry = await this.#deps.kv.get<StarRow>(
      peopleKeys.star(did, repo, actor),
    );
    return entry?.value.records.map(([rkey]) => rkey);
  }

  /** Those of `actors` who star the repository, in their order, at most `limit`. */
  async starredByAnyOf(
    { did, repo }: RepoRef,
    actors: readonly Did[],
    limit: number,
  ): Promise<Did[]> {
    const { kv, watch } = this.#deps;
    const keys = actors.map((actor) => peopleKeys.star(did, repo, actor));
    const rows = await kv.getMany<StarRow>(keys);
    watch.rowsRead("stars of some", actors.length);
    return actors.filter((_, i) => rows[i] !== undefined).slice(0, limit);
  }

  /** Who stars the repository, in the order of the accounts' DIDs. */
  async byRepository(
    { did, repo }: RepoRef,
    request: PageRequest,
  ): Promise<Page<Star>> {
    const prefix = peopleKeys.stars(did, repo);
    const page = await pageOfEntries<StarRow>(
      this.#deps.kv,
      prefix,
      ["string"],
      request,
    );
    this.#deps.watch.rowsRead("stars of repository", page.items.length + 1);
    const items = page.items.flatMap(({ key, value }) => {
      const actor = parseDid(String(key.at(-1)));
      return actor ? [{ actor, did, repo, at: starredAt(value) }] : [];
    });
    return { items, cursor: page.cursor };
  }

  /** What `actor` stars, newest first. */
  async byActor(actor: Did, request: PageRequest): Promise<Page<Star>> {
    const prefix = peopleKeys.allStarred(actor);
    const types = ["number", "string", "string"] as const;
    const page = await pageOfEntries(this.#deps.kv, prefix, types, request);
    this.#deps.watch.rowsRead("stars of actor", page.items.length + 1);
    const items = page.items.flatMap(({ key }) => {
      const [order, owner, repo] = key.slice(prefix.length);
      const did = parseDid(String(owner));
      return did
        ? [{ actor, did, repo: String(repo), at: newestFirst(Number(order)) }]
        : [];
    });
    return { items, cursor: page.cursor };
  }

  /**
   * The keys of the records of `actor` that stand for stars as seen at
   * `before` or earlier (milliseconds since the Unix epoch).
   */
  async *recordsOf(actor: Did, before: number): AsyncGenerator<string> {
    for await (const { rkey, at } of this.known(actor)) {
      if (at <= before) yield rkey;
    }
  }

  /** The records of `did` that stand for stars, with the times at which they were seen. */
  async *known(did: Did): AsyncGenerator<{ rkey: string; at: number }> {
    const prefix = peopleKeys.starRecords(did);
    const rows = this.#deps.kv.list<StarRecordRow>({ prefix });
    for await (const { key, value: { star, seenAt } } of rows) {
      if (star) yield { rkey: String(key.at(-1)), at: seenAt };
    }
  }

  /** Removes the stars by `did` and those of its repositories; the account is gone. */
  async forget(did: Did, signal: AbortSignal): Promise<void> {
    const { kv } = this.#deps;
    await this.forgetOwn(did, signal);
    const gone = this.#gone();
    const prefix = peopleKeys.starsOf(did);
    for await (const { key, value } of kv.list<StarRow>({ prefix })) {
      const actor = parseDid(String(key.at(-1)));
      for (const [rkey] of value.records) {
        signal.throwIfAborted();
        if (!actor) break;
        await this.apply({ ...gone, did: actor, rkey, record: undefined });
      }
    }
  }

  /** Removes the stars by `did`; repeated after an interruption it continues. */
  async forgetOwn(did: Did, signal: AbortSignal): Promise<void> {
    const gone = this.#gone();
    for await (const rkey of this.recordsOf(did, gone.at)) {
      signal.throwIfAborted();
      await this.apply({ ...gone, did, rkey, record: undefined });
    }
  }

  /** The parts of a change that removes a record now. */
  #gone() {
    const at = this.#deps.clock.now();
    const collection = OWNER_COLLECTIONS.star;
    return { collection, rev: undefined, cid: undefined, at };
  }

  /** Stores what a record says now in one commit; false when others were faster. */
  async #replace(
    { did: actor, rkey }: RecordChange,
    key: Key,
    entry: Entry<StarRecordRow> | undefined,
    row: StarRecordRow,
  ): Promise<boolean> {
    const { kv, clock, observer } = this.#deps;
    const before = entry?.value.star;
    const after = row.star;
    const stays = before && after && before.did === after.did &&
      before.repo === after.repo;
    const touched = [before, stays ? undefined : after]
      .filter((star) => star !== undefined);
    const stars = await kv.getMany<StarRow>(
      touched.map(({ did, repo }) => peopleKeys.star(did, repo, actor)),
    );
    const commit = kv.atomic().check(key, entry?.versionstamp ?? null);
    if (after) commit.set(key, row);
    else commit.set(key, row, { expiresAt: clock.now() + GONE_MS });
    touched.forEach((star, i) => {
      const draft = new StarDraft({ ...star, actor }, stars[i]);
      if (star === before) draft.remove(rkey);
      if (after && (stays || star === after)) draft.add(rkey, after.at);
      draft.save(commit, observer);
    });
    if (!await commit.commit()) return false;
    for (const { did, repo } of touched) {
      await this.#deps.onStars({ did, repo });
    }
    return true;
  }
}

/** What the changed record stars; a time ahead of when it was seen is not believed. */
function starOf({ record, at }: RecordChange): StarRecordRow["star"] {
  const star = readStar(record);
  if (!star) return undefined;
  const { did, repo, createdAt = at } = star;
  return { did, repo, at: Math.max(0, Math.min(createdAt, at)) };
}

/** Whether a record says what it has said before. */
function isSame(
  before: StarRecordRow["star"],
  after: StarRecordRow["star"],
): boolean {
  return before?.did === after?.did && before?.repo === after?.repo &&
    before?.at === after?.at;
}
