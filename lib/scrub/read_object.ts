/**
 * Hashes a stored object.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { BlobStore } from "../storage/blob_store.ts";
import { chunksOf } from "../storage/stream.ts";
import type { Pace } from "./source.ts";

/** Content of an object. */
export interface ReadObject {
  /** Bytes. */
  readonly size: number;
  readonly hash: Uint8Array;
  readonly contentType: string | undefined;
  /** Version of the object that was read. */
  readonly etag: string;
}

/** Reads the whole object at `key`; undefined when there is none. */
export async function readObject(
  store: Pick<BlobStore, "get">,
  key: string,
  algorithm: "sha256" | "sha512",
  pace: Pace,
): Promise<ReadObject | undefined> {
  const object = await store.get(key);
  if (!object) return undefined;
  const hash = createHash(algorithm);
  let size = 0;
  for await (const chunk of chunksOf(object.body)) {
    hash.update(chunk);
    size += chunk.length;
    await pace(chunk.length);
  }
  const { contentType, etag } = object.info;
  return { size, hash: hash.digest(), contentType, etag };
}
