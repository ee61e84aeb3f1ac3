/**
 * Rows of the repo in the key-value store. See `kv_keys.ts` for their keys.
 *
 * @module
 */

/** The state of the repo; every commit and event is checked against its versionstamp. */
export interface HeadRow {
  /** CID of the signed commit. */
  readonly cid: string;
  /** Revision, a monotonically increasing TID. */
  readonly rev: string;
  /** CID of the MST root. */
  readonly data: string;
  /** The signed commit, DAG-CBOR. */
  readonly commit: Uint8Array;
  /** Sequence number of the newest event. */
  readonly seq: number;
  /** Sequence number of the repo's very first event. */
  readonly firstSeq: number;
  /** did:key that signed the commit. */
  readonly signingKey: string;
  /** Handle of the last `#identity` event. */
  readonly handle: string;
  /** Set while the account is deactivated. */
  readonly deactivated?: true;
}

/** An MST node. */
export interface NodeRow {
  /** Revision that wrote it, so that exports since a revision can skip whole subtrees. */
  readonly rev: string;
  readonly bytes: Uint8Array;
}

/** The current version of a record. */
export interface RecordRow {
  readonly cid: string;
  /** Revision that wrote it. */
  readonly rev: string;
  /** DAG-CBOR. */
  readonly bytes: Uint8Array;
}

/** A former version of a record. */
export interface OldRow {
  /** The last revision that replaced it. */
  readonly rev: string;
  readonly bytes: Uint8Array;
}

/** Content that the commit `rev` made unreachable; concatenated hashes of 32 bytes. */
export interface GarbageRow {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly nodes: Uint8Array;
  readonly records: Uint8Array;
}

/** First chunk of an event. */
export interface EventRow {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** Number of chunks, including this one. */
  readonly chunks: number;
  readonly bytes: Uint8Array;
}

/** An uploaded blob. */
export interface BlobRow {
  readonly mimeType: string;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since the Unix epoch. */
  readonly uploadedAt: number;
  /** Name of the stored object. */
  readonly object: string;
  /** Set when the object was found missing or damaged; uploading the blob again clears it. */
  readonly damaged?: true;
}

/** A record's reference to a blob. */
export interface BlobUseRow {
  /** Revision that wrote the record. */
  readonly rev: string;
}
