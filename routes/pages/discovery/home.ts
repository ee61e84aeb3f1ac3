/**
 * Gathers what the start page shows: to anybody what is here, to those who are
 * signed in what is theirs.
 *
 * @module
 */

import type { Did } from "../../../lib/did.ts";
import type { BoardKind } from "../../../lib/index/counts/boards.ts";
import { parseImageName } from "../../../lib/oci/name.ts";
import type { FeedItem } from "../parts/feed.tsx";
import type { RepositoryItem } from "../parts/repository_list.tsx";
import type { Asked, DiscoveryDeps } from "./deps.ts";
import { homePage } from "./home_page.tsx";
import { homeSignedIn, type OwnHold } from "./home_signed_in.tsx";
import { feedItems, repositoryItems } from "./lists.ts";

const MAX_FEATURED = 9;
const MAX_PUSHES = 8;
const MAX_ACTIVITY = 30;
const MAX_RANKED = 5;
const MAX_OWN = 10;
const MAX_HOLDS = 10;

/** Followed accounts whose activity is looked at. */
const MAX_FOLLOWED = 60;

/** The start page for those who are not signed in. */
export async function home(
  deps: DiscoveryDeps,
  asked: Asked,
): Promise<string> {
  const { example, avatars } = deps;
  const host = deps.hostOf(asked.visitor);
  const [featured, pushes, popular, trending] = await Promise.all([
    featuredItems(deps, asked),
    recentPushes(deps, asked),
    ranked(deps, asked, "pulls"),
    ranked(deps, asked, "trending"),
  ]);
  return homePage({
    ...asked,
    ...{ host, example, avatars, featured, pushes, popular, trending },
  });
}

/** The start page of an account. */
export async function homeOf(
  deps: DiscoveryDeps,
  asked: Asked,
  did: Did,
): Promise<string> {
  const { index } = deps;
  const host = deps.hostOf(asked.visitor);
  const [own, holds, followed, trending] = await Promise.all([
    index.cards.newestOf(did, { limit: MAX_OWN }, asked.mayRead),
    holdsOf(deps, did),
    followedActivity(deps, asked, did),
    ranked(deps, asked, "trending"),
  ]);
  return homeSignedIn({
    ...asked,
    ...{ host, holds, followed, trending },
    pushes: followed.length === 0 ? await recentPushes(deps, asked) : [],
    own: await repositoryItems(deps, own.items),
    hasMore: own.cursor !== undefined,
  });
}

/** What the operator shows first, as far as the visitor may see it. */
async function featuredItems(
  deps: DiscoveryDeps,
  { mayRead }: Asked,
): Promise<RepositoryItem[]> {
  const { index, featured } = deps;
  const found = await Promise.all(
    featured.slice(0, MAX_FEATURED).map(async (name) => {
      const { owner, repository: repo } = parseImageName(name);
      const did = owner.kind === "did"
        ? owner.value
        : await index.owners.byHandle(owner.value);
      const card = did && await index.cards.card(did, repo, mayRead);
      return did && card ? [{ did, repo, card }] : [];
    }),
  );
  return await repositoryItems(deps, found.flat());
}

async function recentPushes(
  deps: DiscoveryDeps,
  { mayRead }: Asked,
): Promise<FeedItem[]> {
  const { items } = await deps.social.counts.activities.all(
    { limit: MAX_ACTIVITY },
    mayRead,
  );
  const pushes = items.filter(({ kind }) => kind === "push");
  const all = await feedItems(deps, pushes, mayRead);
  return all.slice(0, MAX_PUSHES);
}

/** The first of a board of this week. */
async function ranked(
  deps: DiscoveryDeps,
  { mayRead }: Asked,
  kind: BoardKind,
): Promise<RepositoryItem[]> {
  const { index, social } = deps;
  const { entries } = await social.counts.boards.get(
    kind,
    "7d",
    mayRead,
    MAX_RANKED,
  );
  const found = await Promise.all(entries.map(async ({ did, repo }) => {
    if (repo === undefined) return [];
    const card = await index.cards.card(did, repo, mayRead);
    return card ? [{ did, repo, card }] : [];
  }));
  return await repositoryItems(deps, found.flat());
}

/** Holds that the account is captain of, and those whose crew it is in, as they were at the last look. */
async function holdsOf(
  { index: { holds } }: DiscoveryDeps,
  did: Did,
): Promise<OwnHold[]> {
  const [own, crews] = await Promise.all([
    holds.heldBy(did, { limit: MAX_HOLDS }),
    holds.crewOf(did, { limit: MAX_HOLDS }),
  ]);
  const captainOf = new Set(own.items.map((hold) => hold.did));
  const others = new Set(
    crews.items.map(({ hold }) => hold).filter((one) => !captainOf.has(one)),
  );
  const known = await holds.lastSeen([...others]);
  return [
    ...own.items.map((hold) => ({ ...hold, isCaptain: true })),
    ...known.map((hold) => ({ ...hold, isCaptain: false })),
  ].slice(0, MAX_HOLDS);
}

/** What people did whom the account follows. */
async function followedActivity(
  deps: DiscoveryDeps,
  { mayRead }: Asked,
  did: Did,
): Promise<FeedItem[]> {
  const { people, counts } = deps.social;
  const followed = await people.follows.of(did);
  const found = await counts.activities.ofAccounts(
    followed.slice(0, MAX_FOLLOWED),
    MAX_ACTIVITY,
    mayRead,
  );
  const items = await feedItems(deps, found, mayRead);
  return items.slice(0, MAX_PUSHES);
}
