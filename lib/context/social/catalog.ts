/**
 * Builds what scripts, feeds and badges ask: the index, with names.
 *
 * @module
 */

import { AccountNames } from "../../index/catalog/account_names.ts";
import { PeopleCatalog } from "../../index/catalog/people_catalog.ts";
import { RepositoryCatalog } from "../../index/catalog/repository_catalog.ts";
import { RepositoryPlaces } from "../../index/catalog/repository_places.ts";
import type { Holds } from "../../index/holds/holds.ts";
import { visibleByCards } from "../../index/visible.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Metrics } from "../../metrics.ts";
import type { IndexContext } from "../index.ts";
import type { SocialContext } from "./social.ts";

export interface CatalogDeps {
  readonly kv: Kv;
  readonly metrics: Metrics;
  readonly index: IndexContext;
  readonly social: SocialContext;
}

/** Everything that is published of the index. */
export interface CatalogContext {
  readonly names: AccountNames;
  readonly repositories: RepositoryCatalog;
  readonly people: PeopleCatalog;
  readonly places: RepositoryPlaces;
  readonly holds: Holds;
}

/** Joins the parts. */
export function createCatalog(
  { kv, metrics, index, social }: CatalogDeps,
): CatalogContext {
  const { counts, people } = social;
  const names = new AccountNames(index.owners);
  return {
    names,
    holds: index.holds,
    places: new RepositoryPlaces({ kv, names, watch: metrics.index }),
    repositories: new RepositoryCatalog({
      ...{ ...index, names },
      pulls: counts.pulls,
    }),
    people: new PeopleCatalog({
      ...{ ...people, ...counts, names },
      stars: people.starIndex,
      visible: visibleByCards(kv),
    }),
  };
}
