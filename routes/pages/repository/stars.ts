/**
 * Stars of a repository on its pages: how many, whether the visitor's is among
 * them, and giving or taking it.
 *
 * @module
 */

import type { StarButtonProps } from "../../../islands/star_button.tsx";
import { returnPath } from "../../../lib/auth/return_path.ts";
import type { AccountName } from "../../../lib/index/catalog/account_names.ts";
import { AppError } from "../../../lib/errors.ts";
import type { RepoRef } from "../../../lib/index/visible.ts";
import { readForm } from "../../auth/form.ts";
import type { Visitor } from "../document.tsx";
import { pdsAway } from "../parts/pds_away.tsx";
import { repositoryUrl, viewUrl } from "../urls.ts";
import type { PageRequest, RepositoryPagesDeps } from "./deps.ts";
import { starsOfRepositoryPage } from "./stars_page.tsx";

/** Followed accounts that are named beside a repository. */
const MAX_FOLLOWED = 8;

const LIMIT = 60;

/** The button of a repository for the visitor. */
export async function starButton(
  { social }: Pick<RepositoryPagesDeps, "social">,
  { did, repo }: RepoRef,
  { visitor, name }: { visitor: Visitor; name: string },
): Promise<StarButtonProps> {
  const { starIndex } = social.people;
  const { account, frame } = visitor;
  const ref = { did, repo };
  const [[count = 0], own] = await Promise.all([
    starIndex.counts([ref]),
    account ? starIndex.records(account.did, ref) : undefined,
  ]);
  const query = new URLSearchParams({ return_to: frame.path });
  return {
    action: viewUrl({ owner: name, repo }, "star"),
    csrf: account?.csrf,
    signIn: `/auth/login?${query}`,
    returnTo: frame.path,
    count,
    isStarred: own !== undefined,
  };
}

/** Those of the accounts that the visitor follows who star the repository. */
export async function followedWhoStar(
  { social, catalog }: Pick<RepositoryPagesDeps, "social" | "catalog">,
  ref: RepoRef,
  visitor: Visitor,
): Promise<readonly AccountName[]> {
  const { account } = visitor;
  if (!account) return [];
  const { follows, starIndex } = social.people;
  const followed = await follows.of(account.did);
  const found = await starIndex.starredByAnyOf(ref, followed, MAX_FOLLOWED);
  const names = await catalog.names.read(found);
  return found.map((did) => names.of(did));
}

/** Stars or unstars as the form says, and answers with a page or with JSON. */
export async function changeStar(
  deps: RepositoryPagesDeps,
  { c, owner, path, name }: PageRequest,
): Promise<Response> {
  const isScript = c.req.header("accept") === "application/json";
  if (isScript) c.set("surface", "api");
  const form = await readForm(c);
  const { session: { did } } = await deps.browsers.requireChange(
    c,
    form.get("csrf"),
  );
  const ref = { did: owner.did, repo: path.repo };
  const card = await deps.index.cards.card(
    ...[ref.did, ref.repo, deps.mayReadAs(did)] as const,
  );
  const isStarred = form.get("starred") === "yes";
  // A star may be taken back when its repository is gone.
  if (isStarred && !card) {
    throw new AppError("NAME_UNKNOWN", "There is no such repository any more.");
  }
  const atPds = await deps.session(did);
  if (!atPds) {
    throw new AppError(
      "UNAUTHORIZED",
      "The connection to your PDS has ended. Sign in again, then star.",
    );
  }
  const { stars, starIndex } = deps.social.people;
  const { signal } = c.req.raw;
  if (isStarred) await stars.star(atPds, ref, signal);
  else await stars.unstar(atPds, ref, signal);
  const [count = 0] = await starIndex.counts([ref]);
  if (isScript) return c.json({ count, isStarred });
  const back = form.get("return_to") ??
    repositoryUrl({ owner: name, repo: path.repo });
  return c.redirect(returnPath(back), 303);
}

/** The page of those who star the repository. */
export async function starsOfRepository(
  deps: RepositoryPagesDeps,
  { owner, path, query, visitor, name, caller }: PageRequest,
): Promise<string> {
  const ref = { did: owner.did, repo: path.repo };
  const mayRead = deps.mayReadAs(caller);
  const cursor = query.get("cursor") || undefined;
  if (!await deps.index.cards.card(ref.did, ref.repo, mayRead)) {
    throw new AppError("NAME_UNKNOWN", "There is no such repository.");
  }
  const page = await deps.social.people.starIndex.byRepository(ref, {
    limit: LIMIT,
    cursor,
  });
  const names = await deps.catalog.names.read(
    page.items.map(({ actor }) => actor),
  );
  return starsOfRepositoryPage({
    visitor,
    repository: {
      ...{ owner: name, repo: path.repo },
      picture: deps.pictureOf?.(name),
      isOwn: caller === owner.did,
      tags: undefined,
      doubt: undefined,
      pdsAway: pdsAway(deps, owner),
      star: await starButton(deps, ref, { visitor, name }),
    },
    stars: page.items.map(({ actor, at }) => ({ by: names.of(actor), at })),
    pictureOf: deps.pictureOf,
    cursor: page.cursor,
    isLater: cursor !== undefined,
    now: deps.clock.now(),
  });
}
