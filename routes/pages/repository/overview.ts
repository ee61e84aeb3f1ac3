/**
 * Gathers what the pages of a repository show at their top, and its overview.
 *
 * @module
 */

import { OWNER_COLLECTIONS } from "../../../lib/atproto/records/collections.ts";
import { manifestRkey } from "../../../lib/atproto/records/rkeys.ts";
import type { Did } from "../../../lib/did.ts";
import { isAppError } from "../../../lib/errors.ts";
import type { RepoRef } from "../../../lib/index/visible.ts";
import { repositoryPictureUrl } from "../../published/urls.ts";
import type { Share } from "../frame/share_meta.tsx";
import { pictureOfCard } from "../pictures.ts";
import { followedWhoStar, starButton } from "./stars.ts";
import { chartNotes, labelsOf, notesOf } from "./notes.ts";
import { pdsAway } from "../parts/pds_away.tsx";
import type { HoldAway, RepositoryOnPage } from "./repository_head.tsx";
import { repositoryPage } from "./repository_page.tsx";
import type { PageRequest, RepositoryPagesDeps } from "./deps.ts";

const TAGS_ON_OVERVIEW = 6;

/** The page that says what a repository is. */
export async function overview(
  deps: RepositoryPagesDeps,
  request: PageRequest,
): Promise<string> {
  const { owner, path, caller, admit, visitor } = request;
  const page = await deps.tagList.list(owner, path.repo, {
    ...{ caller, admit },
    order: "newest",
    limit: TAGS_ON_OVERVIEW,
  });
  const [newest] = page.items;
  const view = newest?.image
    ? await imageOf(deps, request, newest.tag)
    : undefined;
  const hold = view && await holdName(deps, view.info.holdDid);
  const ref = { did: owner.did, repo: path.repo };
  const { pulls } = deps.social.counts;
  const [[total = 0], daily, followed] = await Promise.all([
    pulls.totals([ref]),
    pulls.daily(ref),
    followedWhoStar(deps, ref, visitor),
  ]);
  return repositoryPage({
    pulls: { total, ...daily },
    followed,
    visitor,
    repository: await onPage(deps, request, page),
    tags: page.items,
    readme: (await deps.social.people.pages.get(owner, path.repo))?.text ?? "",
    pictureOf: deps.pictureOfUrl,
    notes: {
      ...notesOf(
        view?.summary.manifest.annotations,
        view?.shown?.manifest.annotations,
        labelsOf(view?.shown?.config),
        chartNotes(view?.shown?.json),
      ),
      hold,
    },
    record: newest?.digest &&
      `at://${owner.did}/${OWNER_COLLECTIONS.manifest}/${
        manifestRkey(newest.digest)
      }`,
    host: deps.hostOf(visitor),
    now: deps.clock.now(),
  });
}

/** The newest image, whose configuration has labels; the page does without where it is gone meanwhile. */
async function imageOf(
  { images }: RepositoryPagesDeps,
  { owner, path, caller }: PageRequest,
  tag: string,
) {
  try {
    const reference = { kind: "tag", tag } as const;
    return await images.get(owner, path.repo, { reference, caller });
  } catch (error) {
    if (isAppError(error)) return undefined;
    throw error;
  }
}

/** The repository as its pages name it. */
export async function onPage(
  deps: RepositoryPagesDeps,
  { name, path, owner, caller, visitor }: PageRequest,
  { count, doubt }: { count: number | undefined; doubt: string | undefined },
): Promise<RepositoryOnPage> {
  const ref = { did: owner.did, repo: path.repo };
  const { index, mayReadAs, pictureOf } = deps;
  const [star, share, card] = await Promise.all([
    starButton(deps, ref, { visitor, name }),
    shareOf(deps, ref, name),
    index.cards.card(owner.did, path.repo, mayReadAs(caller)),
  ]);
  const address = { owner: name, repo: path.repo };
  return {
    ...{ star, share },
    ...{ owner: name, repo: path.repo, doubt },
    pdsAway: card && pdsAway(deps, owner),
    away: card?.image && await holdAway(deps, card.image.holdDid),
    picture: pictureOfCard(pictureOf, address, card).picture,
    isOwn: caller === owner.did,
    tags: count,
  };
}

/** The hold, where it does not answer; as of its last check, which is repeated when it is old. */
async function holdAway(
  deps: RepositoryPagesDeps,
  did: Did,
): Promise<HoldAway | undefined> {
  const { reachable, since } = await deps.index.holds.health(did);
  if (reachable !== false) return undefined;
  const name = await holdName(deps, did);
  return { did, name, since, now: deps.clock.now() };
}

/** How a link is shown elsewhere, where anybody may see the repository. */
async function shareOf(
  { index, mayReadAs }: RepositoryPagesDeps,
  { did, repo }: RepoRef,
  owner: string,
): Promise<Share | undefined> {
  const card = await index.cards.card(did, repo, mayReadAs(undefined));
  return card && {
    picture: repositoryPictureUrl({ owner, repo }),
    description: card.page?.line ?? card.image?.notes?.description,
  };
}

/** The hold's handle, or host, or its DID where that cannot be found out. */
export async function holdName(
  { owners }: RepositoryPagesDeps,
  hold: Did,
): Promise<string> {
  if (hold.startsWith("did:web:")) {
    return hold.slice("did:web:".length).replaceAll("%3A", ":");
  }
  try {
    return (await owners.resolve(hold)).handle ?? hold;
  } catch (error) {
    if (isAppError(error)) return hold;
    throw error;
  }
}
