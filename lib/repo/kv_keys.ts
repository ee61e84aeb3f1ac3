/**
 * KV keys of the repo. A record is found by its path, an MST node by the hash
 * in its CID. A commit has many node keys, which count against its size, so
 * they are short.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Key } from "../kv/kv.ts";

/** The key builders of one repo. */
export interface RepoKeys {
  /** {@linkcode import("./rows.ts").HeadRow}: the state that every commit checks. */
  readonly head: Key;
  /** All MST nodes: {@linkcode import("./rows.ts").NodeRow}. */
  readonly nodes: Key;
  node(hash: Uint8Array): Key;
  /** All records: {@linkcode import("./rows.ts").RecordRow}. */
  readonly records: Key;
  collection(collection: string): Key;
  record(collection: string, rkey: string): Key;
  /** Paths of the records with one content: `true`. */
  paths(hash: Uint8Array): Key;
  path(hash: Uint8Array, collection: string, rkey: string): Key;
  /**
   * A former version of a record, kept for readers of an older root:
   * {@linkcode import("./rows.ts").OldRow}.
   */
  old(hash: Uint8Array): Key;
  /** Content that commits made unreachable: {@linkcode import("./rows.ts").GarbageRow}. */
  readonly garbage: Key;
  garbageOf(rev: string): Key;
  /** The event log: chunk 0 is an {@linkcode import("./rows.ts").EventRow}, the others are bytes. */
  readonly events: Key;
  event(seq: number, chunk: number): Key;
  /** First key of the events after `seq`. */
  eventsAfter(seq: number): Key;
  /** Results of requests by idempotency key: {@linkcode import("./types.ts").ApplyResult}. */
  done(idempotencyKey: string): Key;
  /** Uploaded blobs: {@linkcode import("./rows.ts").BlobRow}. */
  readonly blobs: Key;
  blob(cid: string): Key;
  /** Which records refer to a blob: {@linkcode import("./rows.ts").BlobUseRow}. */
  readonly blobUses: Key;
  blobUsesOf(cid: string): Key;
  blobUse(cid: string, collection: string, rkey: string): Key;
}

/** The keys of the repo of `did`. */
export function repoKeys(did: Did): RepoKeys {
  const at = (...rest: Key): Key => ["repo", did, ...rest];
  return {
    head: at("head"),
    nodes: at("block"),
    node: (hash) => at("block", hash),
    records: at("record"),
    collection: (collection) => at("record", collection),
    record: (collection, rkey) => at("record", collection, rkey),
    paths: (hash) => at("path", hash),
    path: (hash, collection, rkey) => at("path", hash, collection, rkey),
    old: (hash) => at("old", hash),
    garbage: at("garbage"),
    garbageOf: (rev) => at("garbage", rev),
    events: at("event"),
    event: (seq, chunk) => at("event", seq, chunk),
    eventsAfter: (seq) => at("event", seq + 1),
    done: (idempotencyKey) => at("done", idempotencyKey),
    blobs: at("blob"),
    blob: (cid) => at("blob", cid),
    blobUses: at("blob_use"),
    blobUsesOf: (cid) => at("blob_use", cid),
    blobUse: (cid, collection, rkey) => at("blob_use", cid, collection, rkey),
  };
}

/** Key of the encrypted signing key `name`. */
export function signingKeyKey(name: string): Key {
  return ["repo", "signing_key", name];
}

/** Key of the genesis operation of the did:plc `name`. */
export function plcGenesisKey(name: string): Key {
  return ["repo", "plc_genesis", name];
}
