/**
 * Serves the picture that an owner has given a repository: a redirect to it, as
 * those of accounts are.
 *
 * @module
 */

import { parseQuery } from "../../../lib/avatar/parameters.ts";
import { AppError } from "../../../lib/errors.ts";
import { SIDE } from "../pictures.ts";
import type { PageRequest, RepositoryPagesDeps } from "./deps.ts";

/** How long a browser keeps where the picture is, in seconds. */
const KEPT_SECONDS = 300;

/** Redirects to the picture. Throws AppError `NOT_FOUND` where there is none, or the visitor may not see the repository. */
export async function picture(
  { index, mayReadAs, pictures, addressOf }: RepositoryPagesDeps,
  { c, owner, path, caller }: PageRequest,
): Promise<Response> {
  const mayRead = mayReadAs(caller);
  const card = await index.cards.card(owner.did, path.repo, mayRead);
  const cid = card?.page?.avatarCid;
  if (cid === undefined || pictures === undefined) {
    throw new AppError("NOT_FOUND", "There is no picture at this address.");
  }
  const query = parseQuery(
    new URLSearchParams({ w: String(SIDE), h: String(SIDE) }),
    c.req.header("accept"),
    { maxSide: SIDE, fallbackHosts: [] },
  );
  const location = await pictures.locate(
    owner,
    cid,
    query,
    addressOf(c),
  );
  return c.body(null, 302, {
    location,
    vary: "accept",
    "cache-control": `private, max-age=${KEPT_SECONDS}`,
  });
}
