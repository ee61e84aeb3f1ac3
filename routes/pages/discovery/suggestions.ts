/**
 * Suggestions for the search field.
 *
 * @module
 */

import type { Suggestion } from "../../../islands/search_box.tsx";
import { isAppError } from "../../../lib/errors.ts";
import type { SearchPage } from "../../../lib/index/search/search.ts";
import { kindName } from "../parts/artifact.ts";
import { pathOfImage, profileUrl, repositoryUrl } from "../urls.ts";
import type { Asked, DiscoveryDeps } from "./deps.ts";
import { shortName } from "./lists.ts";

const MAX_REPOSITORIES = 6;
const MAX_PEOPLE = 3;

/** Longer texts are pasted names; only the page searches for them. */
const MAX_TEXT = 100;

/** What may be meant by the field `q` of the query. */
export async function suggestions(
  deps: DiscoveryDeps,
  { query, mayRead }: Pick<Asked, "query" | "mayRead">,
): Promise<Suggestion[]> {
  const q = (query.get("q") ?? "").trim();
  if (q.length < 2 || q.length > MAX_TEXT) return [];
  const [people, repositories] = await Promise.all([
    q.includes("/") ? [] : peopleFor(deps, q),
    repositoriesFor(deps, q, mayRead),
  ]);
  return [...people, ...repositories];
}

async function peopleFor(
  { index, catalog, pictureOf }: DiscoveryDeps,
  q: string,
): Promise<Suggestion[]> {
  const dids = await index.owners.called(q, MAX_PEOPLE);
  const names = await catalog.names.read(dids);
  return dids.map((did) => {
    const name = shortName(names.of(did));
    return {
      href: profileUrl(name),
      before: "",
      name,
      kind: "Account",
      picture: pictureOf?.(name),
    };
  });
}

async function repositoriesFor(
  { index, catalog, pictureOf }: DiscoveryDeps,
  q: string,
  mayRead: Asked["mayRead"],
): Promise<Suggestion[]> {
  const found = await find(index, q, mayRead);
  if (!found) return [];
  const { exact, items } = found;
  const all = [...exact ? [exact] : [], ...items].slice(0, MAX_REPOSITORIES);
  const names = await catalog.names.read(all.map(({ did }) => did));
  return all.map(({ did, repo, card }) => {
    const address = { owner: shortName(names.of(did)), repo };
    const reference = exact?.did === did && exact.repo === repo
      ? exact.reference
      : undefined;
    const href = reference
      ? pathOfImage(address, reference)
      : repositoryUrl(address);
    return {
      href,
      before: `${address.owner}/`,
      name: reference?.kind === "tag" ? `${repo}:${reference.tag}` : repo,
      kind: kindName(card.image?.kind ?? "image"),
      picture: pictureOf?.(address.owner),
    };
  });
}

/** What a search finds; undefined for a text that is none yet. */
async function find(
  { search }: DiscoveryDeps["index"],
  q: string,
  mayRead: Asked["mayRead"],
): Promise<SearchPage | undefined> {
  try {
    return await search.find({ q, limit: MAX_REPOSITORIES }, mayRead);
  } catch (error) {
    if (isAppError(error, "INVALID_REQUEST")) return undefined;
    throw error;
  }
}
