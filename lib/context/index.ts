/**
 * Builds the index: what pages, feeds and scripts ask for.
 *
 * @module
 */

import { OwnChanges } from "../index/cards/own_changes.ts";
import { RepositoryRecords } from "../index/cards/repository_records.ts";
import type { AccountHandler, RecordHandler } from "../index/record_change.ts";
import type { Holds } from "../index/holds/holds.ts";
import { createIndexHolds, type IndexHoldsDeps } from "./index_holds.ts";

/** What one owner may have by way of the network; what is pushed here counts, and is not bounded. */
const BOUNDS = {
  maxTags: 20_000,
  maxRepositories: 2_000,
  maxManifests: 50_000,
};

/** The parts of the index. */
export interface IndexContext {
  /** Follows the registry's own commits. */
  readonly changes: OwnChanges;
  /** Take what happens to records on the network. */
  readonly handlers: readonly RecordHandler[];
  /** Hear what happens to accounts of the network. */
  readonly accounts: readonly AccountHandler[];
  readonly holds: Holds;
  /** Makes known what no event says; call it now and then. */
  settle(): Promise<void>;
  close(): void;
}

/** Joins the parts of the index. */
export function createIndex(deps: IndexHoldsDeps): IndexContext {
  const { kv, clock, metrics, defaultHold } = deps;
  const watch = metrics.index;
  const records = new RepositoryRecords({ kv, watch, defaultHold, ...BOUNDS });
  const holds = createIndexHolds(deps);
  return {
    changes: new OwnChanges(kv, clock),
    handlers: [records, holds.records],
    accounts: [],
    holds: holds.holds,
    settle: () => holds.settle(),
    close: () => holds.close(),
  };
}
