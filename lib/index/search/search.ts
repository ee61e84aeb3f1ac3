/**
 * Search over repositories. What is found comes in this order: the image that
 * was named in full, repositories of exactly that name, those that have the
 * word, those that have a word that begins so, those of owners who are called
 * so, and those that have it within their names. Where there are several words
 * one is looked up, and the others have to be there, too.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Reference } from "../../oci/name.ts";
import {
  type CardFilter,
  type ListedRepository,
  visibleCards,
} from "../reads/card_reads.ts";
import { limitOf, type Page } from "../cursor.ts";
import { cursorOf, type MayRead, readCursor, Reading } from "../reading.ts";
import type { IndexWatch } from "../watch.ts";
import { searchKeys } from "./kv_keys.ts";
import type { NameList } from "./name_list.ts";
import type { OwnerNames } from "./owner_names.ts";
import { type Query, readQuery, type SearchOptions } from "./query.ts";
import { textOfCard, wordsOfCard } from "./search_rows.ts";
import { type Candidate, type Stage, stagesOf } from "./stages.ts";

/** What a search found. */
export interface SearchPage extends Page<ListedRepository> {
  /** The image that was named in full, where its repository is shown. */
  readonly exact:
    | (ListedRepository & { readonly reference: Reference | undefined })
    | undefined;
  /** Names that may have been meant; only where nothing was found. */
  readonly suggestions: readonly string[];
}

export interface SearchDeps {
  kv: Kv;
  watch: IndexWatch;
  owners: OwnerNames;
  names: NameList;
}

const MAX_SUGGESTIONS = 5;

/** Owners of one name that are looked at for a suggestion. */
const MAX_OWNERS = 20;

/** Owners that count for one word of a search. */
const MAX_CALLED = 50;

/** Finds repositories. */
export class Search {
  readonly #deps: SearchDeps;

  constructor(deps: SearchDeps) {
    this.#deps = deps;
  }

  /** One page of what fits. Throws AppError `INVALID_REQUEST` for a query, limit or cursor that cannot be. */
  async find(options: SearchOptions, mayRead: MayRead): Promise<SearchPage> {
    const query = readQuery(options);
    const limit = limitOf(options);
    const name = `search ${query.text} ${options.owner ?? ""}`;
    const [first = 0, last] =
      readCursor(name, options.cursor, ["number", "string"]) ?? [];
    const reading = new Reading(this.#deps.kv, mayRead);
    const owners = await this.#ownersOf(reading, query);
    const items: ListedRepository[] = [];
    let at = typeof last === "string" ? last : undefined;
    let cursor: string | undefined;
    for (const [i, stage] of stagesOf(options).entries()) {
      if (i < Number(first)) continue;
      const run = { reading, query, owners, options, limit, items, at };
      const next = await this.#run(stage, run);
      at = undefined;
      if (next === undefined) continue;
      cursor = cursorOf(name, [i, next]);
      break;
    }
    const isFirst = options.cursor === undefined;
    const exact = isFirst
      ? await this.#exact(reading, query, options)
      : undefined;
    const isNothing = isFirst && !exact && items.length === 0 && !cursor &&
      options.owner === undefined;
    const suggestions = isNothing
      ? await this.#suggestions(reading, query.text)
      : [];
    reading.end(this.#deps.watch, "search");
    return {
      items: exact ? items.filter((one) => !isSame(one, exact)) : items,
      ...{ cursor, exact, suggestions },
    };
  }

  /** Adds what one stage finds; where to go on when the page ends within it. */
  async #run(stage: Stage, run: StageRun): Promise<string | undefined> {
    const { reading, query, owners, options, limit, items } = run;
    const found = stage({ ...this.#deps, reading, query, options, at: run.at });
    for await (const candidates of found) {
      const fitting = await this.#fitting(
        ...[reading, query, owners, candidates, options] as const,
      );
      for (const { item, next } of fitting) {
        if (items.some((one) => isSame(one, item))) continue;
        items.push(item);
        if (items.length === limit) return next;
      }
      if (reading.isSpent) return candidates.at(-1)?.next;
    }
    return undefined;
  }

  /** Those of the repositories that may be shown, belong to the stage and have all words. */
  async #fitting(
    reading: Reading,
    query: Query,
    owners: OwnersOfWord,
    candidates: readonly Candidate[],
    filter: CardFilter,
  ): Promise<{ item: ListedRepository; next: string }[]> {
    const cards = await visibleCards(reading, candidates, filter);
    return candidates.flatMap(({ next, belongs }, i) => {
      const item = cards[i];
      if (!item) return [];
      // Most lack a word: that is cheaper to see than which words there are.
      const text = textOfCard(item.repo, item.card);
      const hasAll = [query.first, ...query.others].every((word) =>
        text.includes(word) || owners.get(word)?.has(item.did)
      );
      if (!hasAll) return [];
      if (belongs && !belongs(wordsOfCard(item.repo, item.card))) return [];
      return [{ item, next }];
    });
  }

  /** Owners who are called by each of the words, at most {@linkcode MAX_CALLED} each. */
  async #ownersOf(
    reading: Reading,
    { first, others }: Query,
  ): Promise<OwnersOfWord> {
    const words = [first, ...others].filter((word) => word !== "");
    return new Map(
      await Promise.all(words.map(async (word) => {
        const rows = await reading.list({
          start: searchKeys.ownerWords(word),
          end: searchKeys.ownerWords(`${word}\u{10ffff}`),
        }, MAX_CALLED);
        return [
          word,
          new Set(rows.map(({ key }) => key.at(-1) as Did)),
        ] as const;
      })),
    );
  }

  /** Names that are shown to the client: others must not be given away. */
  async #suggestions(reading: Reading, text: string): Promise<string[]> {
    const names = await this.#deps.names.near(text, 2 * MAX_SUGGESTIONS);
    const shown: string[] = [];
    for (const repo of names) {
      const rows = await reading.list(
        { prefix: searchKeys.names(repo) },
        MAX_OWNERS,
      );
      const refs = rows.map(({ key }) => ({ did: key.at(-1) as Did, repo }));
      const cards = await visibleCards(reading, refs);
      if (cards.some((card) => card !== undefined)) shown.push(repo);
      if (shown.length === MAX_SUGGESTIONS) break;
    }
    return shown;
  }

  async #exact(
    reading: Reading,
    { named }: Query,
    filter: SearchOptions,
  ): Promise<SearchPage["exact"]> {
    if (!named) return undefined;
    const { owner, repo, reference } = named;
    const did = owner.kind === "did"
      ? owner.value
      : await this.#deps.owners.byHandle(owner.value);
    if (!did || filter.owner !== undefined && filter.owner !== did) {
      return undefined;
    }
    const [found] = await visibleCards(reading, [{ did, repo }], filter);
    return found && { ...found, reference };
  }
}

/** Owners by the word that they are called by. */
type OwnersOfWord = ReadonlyMap<string, ReadonlySet<Did>>;

interface StageRun {
  readonly reading: Reading;
  readonly query: Query;
  readonly owners: OwnersOfWord;
  readonly options: SearchOptions;
  readonly limit: number;
  readonly items: ListedRepository[];
  readonly at: string | undefined;
}

function isSame(a: ListedRepository, b: ListedRepository): boolean {
  return a.did === b.did && a.repo === b.repo;
}
