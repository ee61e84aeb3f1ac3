/**
 * Changes to a card that do not come from its tags.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";
import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import type { Kv } from "../../kv/kv.ts";
import { cardKeys } from "./kv_keys.ts";
import { EMPTY_CARD, type RepoRef, writeCard } from "./repository_edit.ts";
import type { CardRow, PageRow } from "./rows.ts";

/** Others may change the card meanwhile. */
const ATTEMPTS = 100;

/**
 * Replaces a card by what `edit` makes of it, and its places in orders and
 * search with it. Throws AppError `UNAVAILABLE` when others change it all the
 * time.
 */
export async function editCard(
  kv: Kv,
  ref: RepoRef,
  edit: (card: CardRow) => CardRow,
): Promise<void> {
  const key = cardKeys.card(ref.did, ref.repo);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const entry = await kv.get<CardRow>(key);
    const before = entry?.value ?? EMPTY_CARD;
    const after = edit(before);
    if (isDeepStrictEqual(before, after)) return;
    const commit = kv.atomic();
    writeCard(commit, ref, entry, after);
    if (await commit.commit()) return;
  }
  throw new AppError(
    "UNAVAILABLE",
    "The repository is being changed by many at this moment; try again.",
    { retryAfterSeconds: 1 },
  );
}

/** What people think of a repository. */
export interface Popularity {
  readonly stars: number;
  /** Pulls of the last 30 days. */
  readonly pulls30d: number;
}

/** Facts of repositories that other parts of the index find out. */
export class CardFacets {
  readonly #kv: Kv;

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  /** Notes how popular a repository is, also one that has no tags yet. */
  async setPopularity(
    did: Did,
    repo: string,
    { stars, pulls30d }: Popularity,
  ): Promise<void> {
    await editCard(this.#kv, { did, repo }, (card) => ({
      ...card,
      stars: Math.max(0, Math.trunc(stars)),
      pulls: Math.max(0, Math.trunc(pulls30d)),
    }));
  }

  /** Notes how many star a repository, also one that has no tags yet. */
  async setStars(did: Did, repo: string, stars: number): Promise<void> {
    await editCard(this.#kv, { did, repo }, (card) => ({ ...card, stars }));
  }

  /** Notes what the owner wrote about a repository; undefined: nothing. */
  async setPage(
    did: Did,
    repo: string,
    page: PageRow | undefined,
  ): Promise<void> {
    await editCard(this.#kv, { did, repo }, ({ page: _, ...card }) => ({
      ...card,
      ...(page ? { page } : {}),
    }));
  }
}
