/**
 * Where the rows of the index come from.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ParsedManifest } from "../../oci/manifest.ts";
import type { RecordHandler } from "../record_change.ts";

/** A manifest that this registry keeps. */
export interface KeptManifest {
  readonly repo: string;
  readonly digest: Digest;
  readonly manifest: ParsedManifest;
  readonly holdDid: Did;
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number;
  /** Key of the record, where that is not the digest's. */
  readonly rkey: string | undefined;
}

/** A tag that this registry keeps. */
export interface KeptTag {
  readonly repo: string;
  readonly tag: string;
  readonly digest: Digest;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly rkey: string;
}

/** A record of an owner's repo. */
export interface ListedRecord {
  readonly rkey: string;
  readonly value: unknown;
}

/** What can be read again. */
export interface RebuildSources {
  /** Owners of whom this registry keeps something, in byte order behind `last`. */
  owners(last: Did | undefined): AsyncIterable<Did>;
  manifests(did: Did): AsyncIterable<KeptManifest>;
  tags(did: Did): AsyncIterable<KeptTag>;
  /** The records of a collection in the owner's repo. Throws AppError when they cannot be listed to the end. */
  records(did: Did, collection: string): AsyncIterable<ListedRecord>;
  /** Makes again who an owner is: its handle and profile. Throws AppError when its servers cannot be asked. */
  person?(did: Did, signal: AbortSignal): Promise<void>;
  /** Makes rows again that follow from no listing. */
  settle?(): Promise<void>;
}

/** A handler whose rows can be compared with a listing. */
export interface ListedHandler extends RecordHandler {
  /** The records that rows were made of, with their times in milliseconds since the Unix epoch. */
  known(
    did: Did,
    collection: string,
  ): AsyncIterable<{ readonly rkey: string; readonly at: number }>;
}
