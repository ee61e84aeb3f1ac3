/**
 * Search results in another order than that of relevance: the best matches are
 * gathered first and then put in order, so that an answer stays bounded.
 *
 * @module
 */

import type { Page } from "../cursor.ts";
import { cursorOf, type MayRead, readCursor } from "../reading.ts";
import type { ListedRepository } from "../reads/card_reads.ts";
import type { SearchOptions } from "./query.ts";
import type { Search, SearchPage } from "./search.ts";

/** Orders of results; `best` is that of relevance. */
export const SEARCH_ORDERS = [
  "best",
  "updated",
  "pulls",
  "stars",
  "name",
] as const;

/** An order of results. */
export type SearchOrder = typeof SEARCH_ORDERS[number];

/** A page of results. */
export interface SortedPage extends SearchPage {
  /** How many of the best matches were put in order, when there are more of them; undefined otherwise. */
  readonly cutAt: number | undefined;
}

/** Pages of a hundred that are put in order together. */
const MAX_PAGES = 3;
const PAGE = 100;

const DEFAULT_LIMIT = 20;

type Comparison = (a: ListedRepository, b: ListedRepository) => number;

const COMPARISONS: Readonly<
  Record<Exclude<SearchOrder, "best">, Comparison>
> = {
  updated: (a, b) => (b.card.newest?.at ?? 0) - (a.card.newest?.at ?? 0),
  pulls: (a, b) => b.card.pulls - a.card.pulls,
  stars: (a, b) => b.card.stars - a.card.stars,
  name: (a, b) => byName.compare(a.repo, b.repo),
};

const byName = new Intl.Collator("en", { numeric: true });

/** Finds repositories, in an order. */
export class SortedSearch {
  readonly #search: Pick<Search, "find">;

  constructor(search: Pick<Search, "find">) {
    this.#search = search;
  }

  /** One page. Throws what {@linkcode Search.find} throws. */
  async find(
    options: SearchOptions,
    order: SearchOrder,
    mayRead: MayRead,
  ): Promise<SortedPage> {
    if (order === "best") {
      const found = await this.#search.find(options, mayRead);
      return { ...found, cutAt: undefined };
    }
    const { limit = DEFAULT_LIMIT, cursor, ...asked } = options;
    const name = `sorted ${order}`;
    const [from = 0] = readCursor(name, cursor, ["number"]) ?? [];
    const first = await this.#search.find({ ...asked, limit: PAGE }, mayRead);
    const { items, isCut } = await this.#gather(asked, first, mayRead);
    const start = Number(from);
    const end = start + limit;
    return {
      exact: start === 0 ? first.exact : undefined,
      suggestions: start === 0 ? first.suggestions : [],
      items: items.toSorted(COMPARISONS[order]).slice(start, end),
      cursor: end < items.length ? cursorOf(name, [end]) : undefined,
      cutAt: isCut ? items.length : undefined,
    };
  }

  async #gather(
    asked: SearchOptions,
    first: Page<ListedRepository>,
    mayRead: MayRead,
  ): Promise<{ items: ListedRepository[]; isCut: boolean }> {
    const items = [...first.items];
    let { cursor } = first;
    for (let page = 1; page < MAX_PAGES && cursor !== undefined; page++) {
      const next = await this.#search.find(
        { ...asked, limit: PAGE, cursor },
        mayRead,
      );
      items.push(...next.items);
      ({ cursor } = next);
    }
    return { items, isCut: cursor !== undefined };
  }
}
