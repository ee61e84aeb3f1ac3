/**
 * Keys of accounts and records of the network. All rows can be rebuilt from the
 * PDSes.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Key, KeyPart, ListSelector } from "../../kv/kv.ts";
import { INDEX_VERSION } from "../version.ts";

const row = (kind: string, ...parts: KeyPart[]): Key => [
  "index",
  INDEX_VERSION,
  kind,
  ...parts,
];

/** Key builders and prefixes. */
export const networkKeys = {
  /** Stored cursor of a stream. */
  place: (stream: string) => row("network_place", stream),

  /** That events do not arrive, or late. */
  lag: () => row("network_lag"),

  /** The collections that are followed. */
  collections: () => row("network_collections"),

  /** An account that has, or had, records of the index. */
  account: (did: Did) => row("network_account", did),
  accounts: (after?: Did): ListSelector & { prefix: Key } =>
    after === undefined ? { prefix: row("network_account") } : {
      prefix: row("network_account"),
      start: row("network_account", after, ""),
    },
  /** Counter that increases with each account added. */
  accountsMet: () => row("network_accounts_met"),

  /** The version of a record that was applied. */
  record: (did: Did, collection: string, rkey: string) =>
    row("network_record", did, collection, rkey),
  records: (did: Did, ...collection: [] | [string]) =>
    row("network_record", did, ...collection),
  /** Counter of the records of an account. */
  recordCount: (did: Did) => row("network_record_count", did),
} as const;

/** Name of the lease under which one instance follows a stream. */
export const streamLease = (stream: string): string => `index/${stream}`;
