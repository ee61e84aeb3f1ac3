/**
 * Builds the index: what pages, feeds and scripts ask for.
 *
 * @module
 */

import type { Did } from "../did.ts";
import { CardFacets } from "../index/cards/card_edit.ts";
import { CardReads } from "../index/reads/card_reads.ts";
import { ManifestReads } from "../index/reads/manifest_reads.ts";
import { dropOldMoves } from "../index/cards/old_moves.ts";
import { OwnChanges } from "../index/cards/own_changes.ts";
import { OwnRecords } from "../index/cards/own_records.ts";
import { RepositoryAccounts } from "../index/cards/repository_accounts.ts";
import { RepositoryRecords } from "../index/cards/repository_records.ts";
import { TagReads } from "../index/reads/tag_reads.ts";
import type { AccountHandler, RecordHandler } from "../index/record_change.ts";
import { NetworkLag } from "../index/network/network_lag.ts";
import { PdsHealth } from "../index/people/pds_health.ts";
import { PersonRebuild } from "../index/people/person_rebuild.ts";
import { PageIndex } from "../index/people/page_index.ts";
import { cardPage } from "../index/people/page_rows.ts";
import { StarIndex } from "../index/people/star_index.ts";
import { Rebuild } from "../index/rebuild/rebuild.ts";
import { NameList } from "../index/search/name_list.ts";
import { OwnerNames } from "../index/search/owner_names.ts";
import { Search } from "../index/search/search.ts";
import { indexSources } from "./index_sources.ts";
import type { Holds } from "../index/holds/holds.ts";
import { createIndexHolds, type IndexHoldsDeps } from "./index_holds.ts";

/** Limits per owner on rows that come from the network; what is pushed here counts, and is not limited. */
const BOUNDS = {
  maxTags: 20_000,
  maxRepositories: 2_000,
  maxManifests: 50_000,
};

/** With more repositories there are no suggestions and no search for parts of names. */
const MAX_NAMES = 200_000;

export interface IndexDeps extends IndexHoldsDeps {
  /** Of other services, which take records of the network as well. */
  handlers: readonly RecordHandler[];
}

/** The parts of the index. */
export interface IndexContext {
  /** Follows the registry's own commits. */
  readonly changes: OwnChanges;
  /** Receive changes of records on the network. */
  readonly handlers: readonly RecordHandler[];
  /** Receive changes of accounts on the network. */
  readonly accounts: readonly AccountHandler[];
  /** Removes cards, tags, images and names of an owner; again where it was interrupted. */
  forgetOwner(did: Did, signal: AbortSignal): Promise<void>;
  readonly cards: CardReads;
  readonly tags: TagReads;
  readonly manifests: ManifestReads;
  readonly search: Search;
  /** Names of owners, for search. */
  readonly owners: OwnerNames;
  /** Popularity and pages of repositories, for cards. */
  readonly facets: CardFacets;
  readonly rebuild: Rebuild;
  readonly holds: Holds;
  /** Whether the PDSes of owners respond. */
  readonly pdses: PdsHealth;
  /** Whether the events of the network arrive. */
  readonly lag: NetworkLag;
  /** Makes known what no event says; call it now and then. */
  settle(): Promise<void>;
  /** Removes what is observed beyond the limits; returns how many rows. */
  sweep(): Promise<number>;
  close(): void;
}

/** Joins the parts of the index. */
export function createIndex(deps: IndexDeps): IndexContext {
  const { kv, clock, metrics, defaultHold } = deps;
  const reads = { kv, watch: metrics.index };
  const owners = new OwnerNames(kv);
  const names = new NameList({ kv, clock, maxNames: MAX_NAMES });
  const own = new OwnRecords();
  const parts = { ...reads, defaultHold, ...BOUNDS };
  const records = new RepositoryRecords({ ...parts, own });
  const holds = createIndexHolds(deps);
  const pdses = new PdsHealth(deps);
  const facets = new CardFacets(kv);
  const accounts = new RepositoryAccounts(kv, owners);
  const people = new PersonRebuild({
    ...{ ...deps, ...reads },
    avatarUrl: () => undefined,
    onChanged: async (actor) => {
      await owners.setNames(actor.did, actor);
      await owners.restore(actor.did);
    },
  });
  return {
    holds: holds.holds,
    lag: new NetworkLag({ kv, clock }),
    settle: () => holds.settle(),
    sweep: () => dropOldMoves(kv),
    pdses,
    close: () => {
      pdses.close();
      holds.close();
    },
    owners,
    changes: new OwnChanges(kv, clock, owners, own),
    handlers: [records, holds.records, ...deps.handlers],
    accounts: [accounts],
    forgetOwner: (did, signal) => accounts.forget(did, signal),
    cards: new CardReads(reads),
    tags: new TagReads(reads),
    manifests: new ManifestReads(reads),
    search: new Search({ ...reads, owners, names }),
    facets,
    rebuild: new Rebuild({
      ...deps,
      handlers: [
        // All of them, also those of this process.
        new RepositoryRecords(parts),
        // What was observed of stars stays; their counts follow at the end.
        new StarIndex({
          ...{ ...reads, clock, observer: { starred: () => {} } },
          onStars: () => Promise.resolve(),
        }),
        new PageIndex({
          ...{ ...reads, clock },
          onPage: ({ did, repo }, page) =>
            facets.setPage(did, repo, page && cardPage(page)),
        }),
        holds.records,
      ],
      sources: {
        ...indexSources(deps),
        person: (did, signal) => people.run(did, signal),
        settle: () => holds.reread(),
      },
    }),
  };
}
