/**
 * Lists of repositories, newest first, and single ones.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Key, Kv } from "../../kv/kv.ts";
import { limitOf, type Page, type PageRequest } from "../cursor.ts";
import {
  after,
  cursorOf,
  type MayRead,
  readCursor,
  Reading,
} from "../reading.ts";
import type { IndexWatch } from "../watch.ts";
import type { ArtifactKind } from "../cards/artifact_kind.ts";
import { cardKeys } from "../cards/kv_keys.ts";
import { isShown } from "../cards/repository_edit.ts";
import type { CardRow, OrderRow } from "../cards/rows.ts";

/** A repository in a list. */
export interface ListedRepository {
  readonly did: Did;
  readonly repo: string;
  readonly card: CardRow;
}

/** Which repositories a list has. */
export interface CardFilter {
  readonly kind?: ArtifactKind | undefined;
  /** `os/architecture`, or `os/architecture/variant`. */
  readonly platform?: string | undefined;
}

/** Where a card is, with what the row that leads there says of it. */
export interface CardRef {
  readonly did: Did;
  readonly repo: string;
  readonly kind?: ArtifactKind | undefined;
  readonly card?: CardRow | undefined;
}

export interface CardReadsDeps {
  kv: Kv;
  watch: IndexWatch;
}

/** Most places of an order that are read together. */
const CHUNK = 200;

/** Reads cards. */
export class CardReads {
  readonly #deps: CardReadsDeps;

  constructor(deps: CardReadsDeps) {
    this.#deps = deps;
  }

  /** A repository; undefined when it is not shown, or lies where the client may not read. */
  async card(
    did: Did,
    repo: string,
    mayRead: MayRead,
  ): Promise<CardRow | undefined> {
    const reading = new Reading(this.#deps.kv, mayRead);
    const card = await reading.one<CardRow>(cardKeys.card(did, repo));
    return card && await isVisible(reading, card) ? card : undefined;
  }

  /** Repositories of everybody, those whose newest tag moved last first. */
  async newest(
    options: PageRequest & CardFilter,
    mayRead: MayRead,
  ): Promise<Page<ListedRepository>> {
    const shape = ["number", "string", "string"] as const;
    return await this.#list(options, mayRead, {
      name: "newest",
      prefix: cardKeys.allUpdated(),
      shape,
      refOf: (key) => ({
        did: key.at(-2) as Did,
        repo: String(key.at(-1)),
      }),
    });
  }

  /** Repositories of an owner, those whose newest tag moved last first. */
  async newestOf(
    did: Did,
    options: PageRequest & CardFilter,
    mayRead: MayRead,
  ): Promise<Page<ListedRepository>> {
    return await this.#list(options, mayRead, {
      name: `newest ${did}`,
      prefix: cardKeys.allUpdatedOf(did),
      shape: ["number", "string"],
      refOf: (key) => ({ did, repo: String(key.at(-1)) }),
    });
  }

  async #list(
    options: PageRequest & CardFilter,
    mayRead: MayRead,
    { name, prefix, shape, refOf }: {
      name: string;
      prefix: Key;
      shape: readonly ("string" | "number")[];
      refOf: (key: Key) => { did: Did; repo: string };
    },
  ): Promise<Page<ListedRepository>> {
    const { kv, watch } = this.#deps;
    const limit = limitOf(options);
    let last = readCursor(name, options.cursor, shape);
    const reading = new Reading(kv, mayRead);
    const items: ListedRepository[] = [];
    let [chunk, read] = [limit, 0];
    for (;;) {
      const rows = await reading.list<OrderRow>(after(prefix, last), chunk);
      const found = await visibleCards(
        reading,
        rows.map(({ key, value }) => placedCard(refOf(key), value)),
        options,
      );
      for (const [i, item] of found.entries()) {
        last = rows[i]?.key.slice(prefix.length) as typeof last;
        if (item) items.push(item);
        if (items.length === limit) break;
      }
      const isEnd = rows.length < chunk && !reading.isSpent;
      read += rows.length;
      if (items.length < limit && !isEnd && !reading.isSpent) {
        chunk = placesFor(limit - items.length, items.length / read);
        continue;
      }
      reading.end(watch, name.split(" ")[0] ?? name);
      const isOver = isEnd && items.length < limit;
      return {
        items,
        cursor: isOver || !last ? undefined : cursorOf(name, last),
      };
    }
  }
}

/** The repository at a place of an order. */
export function placedCard(
  ref: { readonly did: Did; readonly repo: string },
  place: OrderRow,
): CardRef {
  return typeof place === "object"
    ? { ...ref, card: place }
    : { ...ref, kind: place };
}

/** How many places to read for `missing` repositories when `share` of those read so far were for the client. */
function placesFor(missing: number, share: number): number {
  return Math.min(CHUNK, Math.ceil(missing / Math.max(share, missing / CHUNK)));
}

/** The cards of repositories, in order; undefined where one is not shown, not to be read, or not of the filter. */
export async function visibleCards(
  reading: Reading,
  refs: readonly CardRef[],
  filter: CardFilter = {},
): Promise<(ListedRepository | undefined)[]> {
  const wanted = refs.filter(({ kind, card }) =>
    card === undefined &&
    (filter.kind === undefined || kind === undefined || kind === filter.kind)
  );
  const found = await reading.many<CardRow>(
    wanted.map(({ did, repo }) => cardKeys.card(did, repo)),
  );
  const cards = new Map(wanted.map((ref, i) => [ref, found[i]]));
  return await Promise.all(refs.map(async (ref) => {
    const { did, repo } = ref;
    const card = ref.card ?? cards.get(ref);
    return card && isOf(card, filter) && await isVisible(reading, card)
      ? { did, repo, card }
      : undefined;
  }));
}

async function isVisible(reading: Reading, card: CardRow): Promise<boolean> {
  return isShown(card) && card.image !== undefined &&
    await reading.mayRead(card.image.holdDid);
}

function isOf({ image }: CardRow, { kind, platform }: CardFilter): boolean {
  return (kind === undefined || image?.kind === kind) &&
    (platform === undefined || isFor(image?.platforms ?? [], platform));
}

/** `linux/arm` stands for all variants of it. */
function isFor(platforms: readonly string[], wanted: string): boolean {
  return platforms.some((one) =>
    one === wanted || one.startsWith(`${wanted}/`)
  );
}
