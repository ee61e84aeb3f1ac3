/**
 * Reads what an account shows first.
 *
 * @module
 */

import type { ListedRepository } from "../../../lib/index/reads/card_reads.ts";
import type { AskedAccount, PeopleDeps } from "./deps.ts";

/** What the account shows first, as far as the visitor may see it. */
export async function pinnedOf(
  { index, social }: PeopleDeps,
  { owner, mayRead }: AskedAccount,
): Promise<ListedRepository[]> {
  const pins = await social.people.pins.get(owner.did);
  const found = await Promise.all(pins.map(async ({ did, repo }) => {
    const card = await index.cards.card(did, repo, mayRead);
    return card ? [{ did, repo, card }] : [];
  }));
  return found.flat();
}
