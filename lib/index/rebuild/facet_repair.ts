/**
 * Makes the rows of stars follow again from those of their records, and what
 * cards show of stars and pages from these.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";
import type { Did } from "../../did.ts";
import type { Entry, Key, Kv } from "../../kv/kv.ts";
import { CardFacets } from "../cards/card_edit.ts";
import { cardKeys } from "../cards/kv_keys.ts";
import type { RepoRef } from "../cards/repository_edit.ts";
import type { CardRow } from "../cards/rows.ts";
import { peopleKeys } from "../people/kv_keys.ts";
import { cardPage, type PageRow } from "../people/page_rows.ts";
import {
  StarDraft,
  type StarRecordRow,
  starredAt,
  type StarRow,
} from "../people/star_rows.ts";

/** Stars were observed when they were given. */
const UNHEARD = { starred: () => {} };

/** Repairs what is shown beside tags. */
export class FacetRepair {
  readonly #kv: Kv;
  readonly #facets: CardFacets;

  constructor(kv: Kv) {
    this.#kv = kv;
    this.#facets = new CardFacets(kv);
  }

  /** Returns how many stars were removed that no record stands behind. */
  async run(signal: AbortSignal): Promise<number> {
    const kv = this.#kv;
    const records = kv.list<StarRecordRow>({
      prefix: peopleKeys.everyStarRecord(),
    });
    for await (const record of records) {
      signal.throwIfAborted();
      await this.#addStar(record);
    }
    let removed = 0;
    const stars = kv.list<StarRow>({ prefix: peopleKeys.everyStar() });
    for await (const star of stars) {
      signal.throwIfAborted();
      if (await this.#removeStar(star)) removed++;
    }
    await this.#count(signal);
    await this.#cards(signal);
    return removed;
  }

  /** Adds the star of a record where it is missing. */
  async #addStar(record: Entry<StarRecordRow>): Promise<void> {
    const kv = this.#kv;
    const { star } = record.value;
    if (!star) return;
    const [actor, rkey] = [record.key.at(-2) as Did, String(record.key.at(-1))];
    const { did, repo, at } = star;
    const entry = await kv.get<StarRow>(peopleKeys.star(did, repo, actor));
    const known = entry?.value.records.find(([key]) => key === rkey);
    const commit = kv.atomic().check(record.key, record.versionstamp);
    if (entry && known?.[1] === at) {
      const first = starredAt(entry.value);
      const starred = peopleKeys.starred(actor, first, did, repo);
      if (await kv.get(starred)) return;
      commit.check(entry.key, entry.versionstamp).set(starred, 1);
    } else {
      const draft = new StarDraft({ actor, did, repo }, entry);
      draft.add(rkey, at);
      draft.save(commit, UNHEARD);
    }
    // What changed meanwhile has written its own rows.
    await commit.commit();
  }

  /** Removes from a star the records that say something else; true if none is left. */
  async #removeStar(entry: Entry<StarRow>): Promise<boolean> {
    const kv = this.#kv;
    const { key, value: { records } } = entry;
    const [did, repo, actor] = key.slice(-3) as [Did, string, Did];
    const keys = records.map(([rkey]) => peopleKeys.starRecord(actor, rkey));
    const found = await kv.getMany<StarRecordRow>(keys);
    const gone = records.filter(([, at], i) => {
      const star = found[i]?.value.star;
      return star?.did !== did || star.repo !== repo || star.at !== at;
    });
    if (gone.length === 0) return false;
    const draft = new StarDraft({ actor, did, repo }, entry);
    for (const [rkey] of gone) draft.remove(rkey);
    const commit = kv.atomic();
    draft.save(commit, UNHEARD);
    return await commit.commit() && gone.length === records.length;
  }

  /** Makes the counters of stars right. */
  async #count(signal: AbortSignal): Promise<void> {
    const kv = this.#kv;
    const counters = kv.list<Deno.KvU64>({
      prefix: peopleKeys.allStarCounts(),
    });
    for await (const { key } of counters) {
      signal.throwIfAborted();
      await this.#countStars(key.at(-2) as Did, String(key.at(-1)));
    }
    let last: Key | undefined;
    for await (const { key } of kv.list({ prefix: peopleKeys.everyStar() })) {
      const place = key.slice(0, -1);
      if (isDeepStrictEqual(place, last)) continue;
      last = place;
      signal.throwIfAborted();
      const [did, repo] = place.slice(-2) as [Did, string];
      // Those that have a counter are right by now.
      const count = peopleKeys.starCount(did, repo);
      if (await kv.get(count) === undefined) await this.#countStars(did, repo);
    }
  }

  async #countStars(did: Did, repo: string): Promise<void> {
    const kv = this.#kv;
    const key = peopleKeys.starCount(did, repo);
    const before = await kv.get<Deno.KvU64>(key);
    let count = 0n;
    const prefix = peopleKeys.stars(did, repo);
    for await (const _ of kv.list({ prefix })) count++;
    const change = count - (before?.value.value ?? 0n);
    if (change === 0n) return;
    // Where it changed meanwhile the next run finds it.
    await kv.atomic().check(key, before?.versionstamp ?? null)
      .sum(key, change).commit();
  }

  /** Makes stars and pages of cards right, and of repositories that have no card yet. */
  async #cards(signal: AbortSignal): Promise<void> {
    const kv = this.#kv;
    for (
      const prefix of [
        cardKeys.allCards(),
        peopleKeys.allStarCounts(),
        peopleKeys.everyPage(),
      ]
    ) {
      for await (const { key } of kv.list({ prefix })) {
        signal.throwIfAborted();
        const [did, repo] = key.slice(-2) as [Did, string];
        await this.#card({ did, repo });
      }
    }
  }

  async #card({ did, repo }: RepoRef): Promise<void> {
    const [card, count, described] = await this.#kv.getMany<unknown>([
      cardKeys.card(did, repo),
      peopleKeys.starCount(did, repo),
      peopleKeys.page(did, repo),
    ]);
    const shown = card?.value as CardRow | undefined;
    const stars = Number((count?.value as Deno.KvU64 | undefined)?.value ?? 0);
    const { page } = described?.value as PageRow | undefined ?? {};
    const said = page && cardPage(page);
    if (stars !== (shown?.stars ?? 0)) {
      await this.#facets.setStars(did, repo, stars);
    }
    if (!isDeepStrictEqual(said, shown?.page)) {
      await this.#facets.setPage(did, repo, said);
    }
  }
}
