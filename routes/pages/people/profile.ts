/**
 * Gathers what the page of an account shows.
 *
 * @module
 */

import { repositoryItems } from "../discovery/lists.ts";
import type { AskedAccount, PeopleDeps } from "./deps.ts";
import { pinnedOf } from "./pinned.ts";
import type { PinsTyped } from "./pins_form.tsx";
import { profilePage } from "./profile_page.tsx";

const LIMIT = 30;
const MAX_HOLDS = 10;

/** The page. */
export async function profile(
  deps: PeopleDeps,
  asked: AskedAccount,
  typed?: PinsTyped,
): Promise<string> {
  const { owner, query, mayRead } = asked;
  const q = (query.get("q") ?? "").trim().slice(0, 100);
  const cursor = query.get("cursor") || undefined;
  const isFirst = q === "" && cursor === undefined;
  const page = q === ""
    ? await deps.index.cards.newestOf(
      owner.did,
      { limit: LIMIT, cursor },
      mayRead,
    )
    : await deps.index.search.find(
      { q, owner: owner.did, limit: LIMIT, cursor },
      mayRead,
    );
  const [pinned, holds] = await Promise.all([
    isFirst ? pinnedOf(deps, asked) : [],
    deps.index.holds.heldBy(owner.did, { limit: MAX_HOLDS }),
  ]);
  return profilePage({
    ...asked,
    q,
    host: deps.hostOf(asked.visitor),
    items: await repositoryItems(deps, page.items),
    pinned: await repositoryItems(deps, pinned),
    holds: holds.items,
    cursor: page.cursor,
    isLater: cursor !== undefined,
    mayPin: isFirst && asked.isOwn,
    typed,
  });
}
