/**
 * Builds the index: what pages, feeds and scripts ask for.
 *
 * @module
 */

import type { Did } from "../did.ts";
import { OwnChanges } from "../index/cards/own_changes.ts";
import { RepositoryRecords } from "../index/cards/repository_records.ts";
import type { AccountHandler, RecordHandler } from "../index/record_change.ts";
import type { Platform } from "./platform.ts";

/** What one owner may have by way of the network; what is pushed here counts, and is not bounded. */
const BOUNDS = {
  maxTags: 20_000,
  maxRepositories: 2_000,
  maxManifests: 50_000,
};

export interface IndexDeps extends Platform {
  /** For records that name no hold. */
  readonly defaultHold: Did;
}

/** The parts of the index. */
export interface IndexContext {
  /** Follows the registry's own commits. */
  readonly changes: OwnChanges;
  /** Take what happens to records on the network. */
  readonly handlers: readonly RecordHandler[];
  /** Hear what happens to accounts of the network. */
  readonly accounts: readonly AccountHandler[];
}

/** Joins the parts of the index. */
export function createIndex(
  { kv, clock, metrics, defaultHold }: IndexDeps,
): IndexContext {
  const watch = metrics.index;
  const records = new RepositoryRecords({ kv, watch, defaultHold, ...BOUNDS });
  return {
    changes: new OwnChanges(kv, clock),
    handlers: [records],
    accounts: [],
  };
}
