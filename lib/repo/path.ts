/**
 * Names within the repo. All paths of the tree are validated here, because the
 * tree library accepts many names that the protocol forbids.
 *
 * @module
 */

import { isValidNsid, isValidRecordKey, isValidTid } from "@atproto/syntax";
import type { Did } from "../did.ts";
import { AppError } from "../errors.ts";

/** Throws AppError `INVALID_REQUEST` unless `collection` is an NSID. */
export function assertCollection(collection: string): void {
  if (!isValidNsid(collection)) {
    throw new AppError(
      "INVALID_REQUEST",
      `"${
        shorten(collection)
      }" is not a collection name; an NSID such as io.atcr.hold.crew is needed.`,
    );
  }
}

/** Throws AppError `INVALID_REQUEST` unless `rkey` is a record key. */
export function assertRkey(rkey: string): void {
  if (!isValidRecordKey(rkey)) {
    throw new AppError(
      "INVALID_REQUEST",
      `"${
        shorten(rkey)
      }" is not a record key; 1 to 512 of the characters A-Z a-z 0-9 . - _ : ~ are needed, and neither "." nor "..".`,
    );
  }
}

/** Throws AppError `INVALID_REQUEST` unless `rev` is a TID. */
export function assertRev(rev: string): void {
  if (!isValidTid(rev)) {
    throw new AppError(
      "INVALID_REQUEST",
      `"${shorten(rev)}" is not a revision; a TID of 13 characters is needed.`,
    );
  }
}

/** Path of a record in the tree. */
export function treePath(collection: string, rkey: string): string {
  return `${collection}/${rkey}`;
}

/** Collection and record key of a path of the tree. */
export function splitPath(path: string): { collection: string; rkey: string } {
  const slash = path.indexOf("/");
  return { collection: path.slice(0, slash), rkey: path.slice(slash + 1) };
}

/** AT-URI of a record. */
export function recordUri(did: Did, collection: string, rkey: string): string {
  return `at://${did}/${collection}/${rkey}`;
}

/** Names are untrusted; keeps messages readable. */
function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
