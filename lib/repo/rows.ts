/**
 * What the repo keeps in the key-value store. See `keys.ts` for the places.
 *
 * @module
 */

/** The state of the repo; every commit and event is checked against its versionstamp. */
export interface HeadRow {
  /** CID of the signed commit. */
  readonly cid: string;
  /** Revision, a TID that only grows. */
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
  /** Handle last told by an `#identity` event. */
  readonly handle: string;
  /** Set while the account is switched off. */
  readonly deactivated?: true;
}

/** An MST node. */
export interface NodeRow {
  /** Revision that wrote it, so that exports since a revision can skip whole subtrees. */
  readonly rev: string;
  readonly bytes: Uint8Array;
}

/** A record in its present version. */
export interface RecordRow {
  readonly cid: string;
  /** Revision that wrote it. */
  readonly rev: string;
  /** DAG-CBOR. */
  readonly bytes: Uint8Array;
}

/** A record in a former version. */
export interface OldRow {
  /** Revision that replaced it last. */
  readonly rev: string;
  readonly bytes: Uint8Array;
}

/** What the commit `rev` made unreachable; hashes of 32 bytes, one after the other. */
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
  /** How many chunks there are, this one included. */
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
  /** Set when the object was found gone or wrong; uploading the blob again ends it. */
  readonly damaged?: true;
}

/** That a record refers to a blob. */
export interface BlobUseRow {
  /** Revision that wrote the record. */
  readonly rev: string;
}
