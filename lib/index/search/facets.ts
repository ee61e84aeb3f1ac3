/**
 * How many matches of a search are of each kind and for each platform.
 *
 * @module
 */

import type { ArtifactKind } from "../cards/artifact_kind.ts";
import type { MayRead } from "../reading.ts";
import type { ListedRepository } from "../reads/card_reads.ts";
import type { SearchOptions } from "./query.ts";
import type { Search } from "./search.ts";

/** A value that a search can be narrowed to, and the matches that it leaves. */
export interface Facet<T> {
  readonly value: T;
  readonly count: number;
}

/** The facets of a search, the most frequent first. */
export interface Facets {
  readonly kinds: readonly Facet<ArtifactKind>[];
  /** `os/architecture`. */
  readonly platforms: readonly Facet<string>[];
  /** Whether there are more matches than were counted. */
  readonly isCut: boolean;
}

/** The best matches that are counted: one page of a search, so that its cost is bounded. */
const COUNTED = 100;

/**
 * Counts the best hundred matches; `all` are the matches without the choices
 * where they are known. Each kind is counted among those for the chosen
 * platform, and each platform among those of the chosen kind, so that a count is
 * what choosing it leaves. Throws what {@linkcode Search.find} throws.
 */
export async function countFacets(
  search: Pick<Search, "find">,
  { q, owner, kind, platform }: SearchOptions,
  mayRead: MayRead,
  all?: readonly ListedRepository[],
): Promise<Facets> {
  const found = all
    ? { items: all, cursor: undefined }
    : await search.find({ q, owner, limit: COUNTED }, mayRead);
  const matches = found.items.map(valuesOf);
  const ofPlatform = matches.filter((match) =>
    platform === undefined || match.all.has(platform)
  );
  const ofKind = matches.filter((match) =>
    kind === undefined || match.kind === kind
  );
  return {
    kinds: sorted(ofPlatform.flatMap((match) => match.kind ?? [])),
    platforms: sorted(ofKind.flatMap(({ pairs }) => [...pairs])),
    isCut: found.cursor !== undefined,
  };
}

/** What a repository counts for. */
function valuesOf({ card: { image } }: ListedRepository) {
  const parts = (image?.platforms ?? []).map((one) => one.split("/"));
  const pairs = parts.map((part) => part.slice(0, 2).join("/"));
  return {
    kind: image?.kind,
    pairs: new Set(pairs.filter((pair) => !pair.startsWith("unknown/"))),
    /** With the variant as well. */
    all: new Set([...pairs, ...image?.platforms ?? []]),
  };
}

function sorted<T extends string>(values: readonly T[]): Facet<T>[] {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
}
