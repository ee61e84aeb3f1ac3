/**
 * Finds what searches ask for.
 *
 * @module
 */

import { AppError, isAppError } from "../../../lib/errors.ts";
import type { Actor } from "../../../lib/index/people/actor_rows.ts";
import { countFacets, type Facets } from "../../../lib/index/search/facets.ts";
import type { MayRead } from "../../../lib/index/reading.ts";
import {
  type SortedPage,
  SortedSearch,
} from "../../../lib/index/search/sorted_search.ts";
import type { Did } from "../../../lib/did.ts";
import { parseImageName, parseOwner } from "../../../lib/oci/name.ts";
import { pathOfImage, repositoryUrl } from "../urls.ts";
import type { Asked, DiscoveryDeps } from "./deps.ts";
import { repositoryItems, shortName } from "./lists.ts";
import { searchPage } from "./search_page.tsx";
import { NO_SEARCH, readSearch, type SearchQuery } from "./search_query.ts";

const LIMIT = 20;
const MAX_PEOPLE = 4;

/** A page, or where to go. */
export type SearchAnswer = { readonly html: string } | {
  readonly found: string;
};

/** The page that says why a search cannot be; the field keeps what was typed. */
export function refusedSearch(asked: Asked, problem: string): string {
  return searchPage({
    ...asked,
    asked: { ...NO_SEARCH, q: (asked.query.get("q") ?? "").trim() },
    items: [],
    facets: undefined,
    people: [],
    pictureOf: undefined,
    suggestions: [],
    cursor: undefined,
    cutAt: undefined,
    elsewhere: undefined,
    problem,
  });
}

/** The page of results, or the address of the image that was named in full. */
export async function search(
  deps: DiscoveryDeps,
  asked: Asked,
): Promise<SearchAnswer> {
  const query = readSearch(asked.query);
  const { catalog, index } = deps;
  const { owner, sort, cursor, ...wanted } = query;
  const did = owner === undefined ? undefined : await ownerOf(deps, owner);
  const isOwnerUnknown = owner !== undefined && did === undefined;
  const found = isOwnerUnknown ? NOTHING : await new SortedSearch(index.search)
    .find({ ...wanted, owner: did, cursor, limit: LIMIT }, sort, asked.mayRead);
  const { exact } = found;
  if (exact) {
    const names = await catalog.names.read([exact.did]);
    const owner = shortName(names.of(exact.did));
    const address = { owner, repo: exact.repo };
    return {
      found: exact.reference
        ? pathOfImage(address, exact.reference)
        : repositoryUrl(address),
    };
  }
  const isFirst = cursor === undefined && owner === undefined;
  return {
    html: searchPage({
      ...asked,
      asked: query,
      items: await repositoryItems(deps, found.items),
      facets: isOwnerUnknown
        ? undefined
        : await facetsOf(deps, { ...query, did }, found, asked.mayRead),
      people: isFirst ? await peopleOf(deps, query.q) : [],
      pictureOf: deps.pictureOf,
      suggestions: found.suggestions,
      cursor: found.cursor,
      cutAt: found.cutAt,
      elsewhere: elsewhereOf(query.q),
      problem: undefined,
    }),
  };
}

/** What the first page of results can be narrowed to. */
async function facetsOf(
  { index }: DiscoveryDeps,
  { q, kind, platform, sort, cursor, did }: SearchQuery & {
    did: Did | undefined;
  },
  found: SortedPage,
  mayRead: MayRead,
): Promise<Facets | undefined> {
  if (cursor !== undefined) return undefined;
  const isWhole = found.cursor === undefined && sort === "best" &&
    kind === undefined && platform === undefined;
  return await countFacets(
    index.search,
    { q, owner: did, kind, platform },
    mayRead,
    isWhole ? found.items : undefined,
  );
}

const NOTHING = {
  items: [],
  suggestions: [],
  cursor: undefined,
  cutAt: undefined,
  exact: undefined,
} as const;

/** The account with this handle or DID, where it is known here. Throws AppError `INVALID_REQUEST` for neither. */
async function ownerOf(
  { index }: DiscoveryDeps,
  text: string,
): Promise<Did | undefined> {
  try {
    const owner = parseOwner(text);
    return owner.kind === "did"
      ? owner.value
      : await index.owners.byHandle(owner.value);
  } catch (error) {
    if (!isAppError(error)) throw error;
    throw new AppError("INVALID_REQUEST", error.message, { cause: error });
  }
}

/** People who are called so. */
async function peopleOf(
  { index, social }: DiscoveryDeps,
  text: string,
): Promise<Actor[]> {
  if (text.includes("/")) return [];
  const dids = await index.owners.called(text, MAX_PEOPLE);
  const { actors } = social.people;
  const found = await Promise.all(dids.map((did) => actors.find(did)));
  return found.filter((actor) => actor !== undefined)
    .filter(({ status }) => status === "active");
}

/** Where an image is looked up that was named in full and is not known here. */
function elsewhereOf(text: string): string | undefined {
  try {
    const { owner, repository } = parseImageName(
      text.split(/[:@](?=[^/]*$)/)[0] ?? "",
    );
    return repositoryUrl({ owner: owner.value, repo: repository });
  } catch (error) {
    if (isAppError(error)) return undefined;
    throw error;
  }
}
