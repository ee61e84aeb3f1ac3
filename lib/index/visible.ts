/**
 * Which repositories a reader sees.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Kv } from "../kv/kv.ts";
import { visibleCards } from "./reads/card_reads.ts";
import { cardKeys } from "./cards/kv_keys.ts";
import { isShown } from "./cards/repository_edit.ts";
import type { CardRow } from "./cards/rows.ts";
import { type MayRead, Reading } from "./reading.ts";

/** A repository of an owner. */
export interface RepoRef {
  readonly did: Did;
  readonly repo: string;
}

/**
 * Whether the reader sees each of `refs`, in order: not those that are hidden,
 * and those in private holds only where the reader may pull. Asks once for each
 * hold.
 */
export type Visible = (
  refs: readonly RepoRef[],
  mayRead: MayRead,
) => Promise<readonly boolean[]>;

/** The holds of repositories, in the order of `refs`; undefined for those that are not shown. */
export async function holdsOfCards(
  kv: Pick<Kv, "getMany">,
  refs: readonly RepoRef[],
): Promise<(Did | undefined)[]> {
  const keys = refs.map(({ did, repo }) => cardKeys.card(did, repo));
  const cards = await kv.getMany<CardRow>(keys);
  return cards.map((card) =>
    card && isShown(card.value) ? card.value.image?.holdDid : undefined
  );
}

/** Finds out by cards which repositories a reader sees. */
export function visibleByCards(kv: Kv): Visible {
  return async (refs, mayRead) => {
    const cards = await visibleCards(new Reading(kv, mayRead), refs);
    return cards.map((card) => card !== undefined);
  };
}
