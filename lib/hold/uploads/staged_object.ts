/**
 * Joins the staged bytes of an upload into one object.
 *
 * @module
 */

import {
  FIRST_BUFFER_BYTES,
  type PartMemory,
} from "../../async/part_memory.ts";
import { bareEtag } from "../../etag.ts";
import type { PartRef } from "../../hold_api/hold_client.ts";
import { AppError, isAppError } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";
import type { BlobStore, Multipart, Part } from "../../storage/blob_store.ts";
import type { StorageKeys } from "../../storage/object_keys.ts";
import { release } from "../../storage/owned_bytes.ts";
import { readTail, tailSize } from "./tails.ts";
import { missingParts, unknownUpload } from "./upload_errors.ts";
import { RunningHash } from "./body_reader.ts";
import type { UploadRow } from "./upload_row.ts";

export interface StagedObjectsDeps {
  store: BlobStore;
  keys: StorageKeys;
  memory: Pick<PartMemory, "reserve">;
}

/** Joins the staged bytes of uploads. */
export class StagedObjects {
  readonly #deps: StagedObjectsDeps;

  constructor(deps: StagedObjectsDeps) {
    this.#deps = deps;
  }

  /**
   * Joins the staged bytes into one object. Throws AppError `UNAVAILABLE`
   * without memory for the tail, as {@linkcode streamedParts}.
   */
  async assemble(
    row: UploadRow,
    parts: readonly PartRef[] | undefined,
  ): Promise<{ key: string; size: number }> {
    const { store, keys } = this.#deps;
    const key = keys.upload(row.id);
    if (!row.multipart) {
      if (row.mode === "parts") throw missingParts("No part was uploaded.");
      const { tail } = row;
      if (tail && !tail.before) return tail;
      return await this.#withTail(row, async (bytes) => {
        await store.put(key, bytes);
        return { key, size: bytes.length };
      });
    }
    try {
      const staged = row.mode === "parts"
        ? await this.#namedParts(row.multipart, parts)
        : await this.streamedParts(row, row.multipart);
      const { size } = await store.completeMultipart(row.multipart, staged);
      return { key, size };
    } catch (error) {
      // A crash after the parts were joined leaves the object, not the upload.
      if (!isAppError(error, "BLOB_UPLOAD_UNKNOWN")) throw error;
      const joined = await store.head(key);
      if (!joined) throw unknownUpload();
      return { key, size: joined.size };
    }
  }

  /**
   * Returns the parts of a stream, with its tail as the last. Throws AppError
   * `BLOB_UPLOAD_INVALID` when bytes are missing.
   */
  async streamedParts(row: UploadRow, multipart: Multipart): Promise<Part[]> {
    const { store } = this.#deps;
    let count = row.partCount;
    if (row.tail) {
      await this.#withTail(
        row,
        (bytes) => store.putPart(multipart, ++count, bytes),
      );
    }
    // Later parts belong to a failed request.
    const parts = (await store.listParts(multipart))
      .filter((part) => part.partNumber <= count);
    const size = parts.reduce((sum, part) => sum + part.size, 0);
    if (parts.length !== count || size !== row.offset) {
      throw missingParts(
        `The store has ${size} of ${row.offset} bytes of this upload.`,
      );
    }
    return parts;
  }

  /** Runs `work` with the bytes of the tail, which others cannot take: it takes a limited time. */
  async #withTail<T>(
    { tail, caller }: UploadRow,
    work: (bytes: Uint8Array) => Promise<T>,
  ): Promise<T> {
    const { store, memory } = this.#deps;
    const size = tailSize(tail);
    const held = size > FIRST_BUFFER_BYTES
      ? await memory.reserve(size, { account: caller, evict: () => {} })
      : undefined;
    try {
      const bytes = new Uint8Array(size);
      await readTail(store, tail, bytes);
      return await work(bytes);
    } finally {
      held?.free();
    }
  }

  async #namedParts(
    multipart: Multipart,
    wanted: readonly PartRef[] | undefined,
  ): Promise<Part[]> {
    const stored = await this.#deps.store.listParts(multipart);
    if (!wanted) return stored;
    const byNumber = new Map(stored.map((part) => [part.partNumber, part]));
    const sorted = wanted.toSorted((a, b) => a.partNumber - b.partNumber);
    return sorted.map(({ partNumber, etag }, i) => {
      if (sorted[i - 1]?.partNumber === partNumber) {
        throw missingParts(`Part ${partNumber} is named twice.`);
      }
      const part = byNumber.get(partNumber);
      if (!part) throw missingParts(`Part ${partNumber} was not uploaded.`);
      if (bareEtag(part.etag) !== bareEtag(etag)) {
        throw missingParts(
          `Part ${partNumber} was uploaded with another ETag; upload it again.`,
        );
      }
      return part;
    });
  }
}

/**
 * Computes the digest of a stored object. Throws AppError `BLOB_UNKNOWN` when
 * there is none.
 */
export async function digestOfObject(
  store: BlobStore,
  key: string,
  algorithm: RunningHash["algorithm"],
): Promise<Digest> {
  const object = await store.get(key);
  if (!object) {
    throw new AppError("BLOB_UNKNOWN", "The bytes are not in the store.");
  }
  const hash = new RunningHash(algorithm);
  for await (const chunk of object.body) {
    hash.update(chunk);
    release(chunk);
  }
  return hash.digest();
}
