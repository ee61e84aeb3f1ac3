/**
 * Records that this process has written for a push, with the rows of the index
 * that follow from them. Their events in the network say nothing new.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import type { Did } from "../../did.ts";

/** A record as its PDS has stored it. */
export interface OwnRecord {
  readonly collection: string;
  readonly rkey: string;
  readonly cid: string;
}

/** Records that are remembered, and for how long in milliseconds; of others the rows are compared. */
const MEMORY = { max: 5_000, ttl: 5 * 60_000 };

/** Remembers records until their events come. */
export class OwnRecords {
  /** CIDs by account, collection and key. */
  readonly #cids = new LRUCache<string, string>(MEMORY);

  /** Remembers records once the rows that follow from them are written. */
  note(did: Did, records: readonly OwnRecord[]): void {
    for (const record of records) this.#cids.set(name(did, record), record.cid);
  }

  /**
   * Whether a version of a record was noted. It is forgotten with the first
   * event of the record, because the next one may bring back what others
   * replaced.
   */
  take(
    did: Did,
    record: Pick<OwnRecord, "collection" | "rkey">,
    cid: string | undefined,
  ): boolean {
    const key = name(did, record);
    const known = this.#cids.get(key);
    if (known === undefined) return false;
    this.#cids.delete(key);
    return known === cid;
  }
}

function name(
  did: Did,
  { collection, rkey }: Pick<OwnRecord, "collection" | "rkey">,
): string {
  return `${did} ${collection}/${rkey}`;
}
