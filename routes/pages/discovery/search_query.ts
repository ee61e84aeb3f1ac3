/**
 * Reads what a search asks for, and writes it into addresses.
 *
 * @module
 */

import { AppError } from "../../../lib/errors.ts";
import {
  ARTIFACT_KINDS,
  type ArtifactKind,
} from "../../../lib/index/cards/artifact_kind.ts";
import {
  SEARCH_ORDERS,
  type SearchOrder,
} from "../../../lib/index/search/sorted_search.ts";
import { quote } from "../../../lib/text.ts";
import { choiceOf } from "./deps.ts";

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

/** The fields of an address that leads to the same results. */
export type SearchFields = ReturnType<typeof fieldsOf>;

/** What nobody asked for. */
export const NO_SEARCH: SearchQuery = {
  q: "",
  kind: undefined,
  platform: undefined,
  owner: undefined,
  sort: "best",
  cursor: undefined,
};

/** Reads a query. Throws AppError `INVALID_REQUEST` with the field that is wrong. */
export function readSearch(query: URLSearchParams): SearchQuery {
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

/** The fields of the query that lead to the same results. */
export function fieldsOf({ q, kind, platform, owner, sort }: SearchQuery) {
  return {
    ...{ q, kind, platform, owner },
    sort: sort === "best" ? undefined : sort,
  };
}
