/**
 * Writes to the repo, validated before anything is read or stored.
 *
 * @module
 */

import type { Did } from "../did.ts";
import { AppError } from "../errors.ts";
import { assertCollection, assertRkey, recordUri, treePath } from "./path.ts";
import {
  type BlobReference,
  blobReferences,
  type EncodedRecord,
  encodeRecord,
  type RecordValue,
} from "./record_data.ts";
import type { TidClock } from "./tid.ts";

/**
 * One write. `put` creates or updates; a `create` without `rkey` gets a TID.
 * `swapRecord` is the expected current CID, null when the record must not
 * exist.
 */
export type RepoWrite =
  | { action: "create"; collection: string; rkey?: string; value: RecordValue }
  | {
    action: "update" | "put";
    collection: string;
    rkey: string;
    value: RecordValue;
    swapRecord?: string | null;
  }
  | {
    action: "delete";
    collection: string;
    rkey: string;
    swapRecord?: string | null;
  };

/** Validates records against their lexicons. */
export interface RecordValidator {
  /**
   * Throws AppError `INVALID_REQUEST` when `value` is not a valid record of
   * `collection`, or `rkey` is not allowed for it.
   */
  assertRecord(
    collection: string,
    rkey: string,
    value: RecordValue,
  ): void | Promise<void>;
}

/** A validated write. */
export interface PreparedWrite {
  readonly action: RepoWrite["action"];
  readonly collection: string;
  readonly rkey: string;
  readonly path: string;
  readonly uri: string;
  /** Undefined for a delete. */
  readonly record: EncodedRecord | undefined;
  readonly blobs: readonly BlobReference[];
  readonly swapRecord: string | null | undefined;
}

/**
 * Validates and encodes any number of `writes`.
 *
 * Throws AppError `INVALID_REQUEST` or `TOO_LARGE`: a bad name, a value
 * that the data model or the lexicon refuses, two writes on one record.
 */
export async function prepareWrites(
  deps: { did: Did; validator: RecordValidator; tids: TidClock },
  writes: readonly RepoWrite[],
): Promise<PreparedWrite[]> {
  const seen = new Set<string>();
  const all: PreparedWrite[] = [];
  for (const write of writes) {
    const prepared = await prepareWrite(deps, write);
    if (seen.has(prepared.path)) {
      throw new AppError(
        "INVALID_REQUEST",
        `Two writes of one request change ${prepared.path}; send one of them.`,
      );
    }
    seen.add(prepared.path);
    all.push(prepared);
  }
  return all;
}

async function prepareWrite(
  deps: { did: Did; validator: RecordValidator; tids: TidClock },
  write: RepoWrite,
): Promise<PreparedWrite> {
  const { action, collection } = write;
  const rkey = write.rkey ?? deps.tids.next();
  assertCollection(collection);
  assertRkey(rkey);
  const path = treePath(collection, rkey);
  const value = action === "delete" ? undefined : typed(path, write);
  if (value !== undefined) {
    await deps.validator.assertRecord(collection, rkey, value);
  }
  return {
    action,
    collection,
    rkey,
    path,
    uri: recordUri(deps.did, collection, rkey),
    record: value === undefined ? undefined : encodeRecord(path, value),
    blobs: blobReferences(value),
    swapRecord: write.action === "create" ? undefined : write.swapRecord,
  };
}

/** The value with its `$type`, which must be the collection. */
function typed(
  path: string,
  { collection, value }: { collection: string; value: RecordValue },
): RecordValue {
  const type = value.$type ?? collection;
  if (type !== collection) {
    throw new AppError(
      "INVALID_REQUEST",
      `The record ${path} says it is a ${type}; $type must be ${collection}.`,
      { xrpc: "InvalidRecord" },
    );
  }
  return { ...value, $type: collection };
}
