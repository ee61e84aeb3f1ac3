/**
 * Reads searches, and finds what they ask for.
 *
 * @module
 */

import { AppError, isAppError } from "../../../lib/errors.ts";
import {
  ARTIFACT_KINDS,
  type ArtifactKind,
} from "../../../lib/index/cards/artifact_kind.ts";
import type { Actor } from "../../../lib/index/people/actor_rows.ts";
import {
  SEARCH_ORDERS,
  type SearchOrder,
  SortedSearch,
} from "../../../lib/index/search/sorted_search.ts";
import type { Did } from "../../../lib/did.ts";
import { parseImageName, parseOwner } from "../../../lib/oci/name.ts";
import { quote } from "../../../lib/text.ts";
import { pathOfImage, repositoryUrl } from "../urls.ts";
import { type Asked, choiceOf, type DiscoveryDeps } from "./deps.ts";
import { repositoryItems, shortName } from "./lists.ts";
import { searchPage } from "./search_page.tsx";

/** What was asked for. */
export interface SearchQuery {
  readonly q: string;
  readonly kind: ArtifactKind | undefined;
  /** `os/architecture`, or with the variant. */
  readonly platform: string | undefined;
  /** Handle or DID. */
  readonly owner: string | undefined;
  readonly sort: SearchOrder;
  readonly cursor: string | undefined;
}

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
    people: [],
    pictureOf: undefined,
    suggestions: [],
    cursor: undefined,
    cutAt: undefined,
    elsewhere: undefined,
    problem,
  });
}

const NO_SEARCH: SearchQuery = {
  q: "",
  kind: undefined,
  platform: undefined,
  owner: undefined,
  sort: "best",
  cursor: undefined,
};

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

const NOTHING = {
  items: [],
  suggestions: [],
  cursor: undefined,
  cutAt: undefined,
  exact: undefined,
} as const;

/** Reads a query. Throws AppError `INVALID_REQUEST` with the field that is wrong. */
function readSearch(query: URLSearchParams): SearchQuery {
  const sort = choiceOf(SEARCH_ORDERS, query.get("sort"));
  const kind = textOf(query, "kind");
  const known = ARTIFACT_KINDS.find((one) => one === kind);
  const platform = textOf(query, "platform");
  if (!sort) throw wrong("sort", query, SEARCH_ORDERS.join(", "));
  if (kind !== undefined && known === undefined) {
    throw wrong("kind", query, ARTIFACT_KINDS.join(", "));
  }
  if (
    platform !== undefined &&
    !/^[\w.-]{1,32}(\/[\w.-]{1,32}){1,2}$/.test(platform)
  ) {
    throw wrong("platform", query, "for example linux/amd64");
  }
  return {
    q: (query.get("q") ?? "").trim(),
    kind: known,
    platform,
    owner: textOf(query, "owner")?.replace(/^@/, ""),
    sort,
    cursor: textOf(query, "cursor"),
  };
}

function textOf(query: URLSearchParams, field: string): string | undefined {
  const text = query.get(field)?.trim();
  return text === "" ? undefined : text;
}

function wrong(field: string, query: URLSearchParams, right: string): AppError {
  return new AppError(
    "INVALID_REQUEST",
    `${
      quote(query.get(field) ?? "")
    } is no ${field} that one can search by; use: ${right}.`,
  );
}

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
