/**
 * What people say of repositories, for their cards.
 *
 * @module
 */

import type { CardFacets } from "../../index/cards/card_edit.ts";
import type { Counts } from "../../index/counts/counts.ts";
import type { People } from "../../index/people/people.ts";
import type { RepoRef } from "../../index/visible.ts";

/** Tries to write the number of stars that others change meanwhile. */
const ATTEMPTS = 5;

/** Writes the number of stars to the card of a repository. */
export function starNotes(
  { starIndex }: People,
  { pulls }: Counts,
  facets: CardFacets,
): (ref: RepoRef) => Promise<void> {
  return async (ref) => {
    let [stars = 0] = await starIndex.counts([ref]);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { days } = await pulls.daily(ref);
      const pulls30d = days.reduce((sum, count) => sum + count, 0);
      await facets.setPopularity(ref.did, ref.repo, { stars, pulls30d });
      const [now = 0] = await starIndex.counts([ref]);
      if (now === stars) return;
      stars = now;
    }
  };
}
