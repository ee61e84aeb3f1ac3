/**
 * Turns the staged bytes of an upload into a verified blob.
 *
 * @module
 */

import { isAppError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { type Digest, digestParts } from "../../oci/digest.ts";
import type { BlobStore, Multipart, Part } from "../../storage/blob_store.ts";
import type { StorageKeys } from "../../storage/object_keys.ts";
import { wrongSize } from "../../storage/part_list.ts";
import type { BlobRows } from "../blobs/blob_rows.ts";
import { readTail } from "./part_writer.ts";
import { missingParts, unknownUpload, wrongDigest } from "./upload_errors.ts";
import { RunningHash } from "./upload_hash.ts";
import type { UploadRoom } from "./upload_room.ts";
import type { UploadRow } from "./upload_row.ts";

/** A part as the client names it at completion. */
export interface PartRef {
  /** From 1. */
  readonly partNumber: number;
  /** As the store answered it; quotes do not matter. */
  readonly etag: string;
}

/** What {@linkcode UploadFinisher} needs. */
export interface UploadFinisherDeps {
  store: BlobStore;
  keys: StorageKeys;
  rows: BlobRows;
  log: Logger;
}

/** What is known of the bytes of an upload. */
interface Known {
  /** The parts that count, for uploads by part; all when left out. */
  readonly parts: readonly PartRef[] | undefined;
  /** Over all bytes. */
  readonly hash: RunningHash | undefined;
  /** Where the blob is counted. */
  readonly room: UploadRoom;
  /** Throws or rejects when a blob of so many bytes must not be kept. */
  readonly limit: (bytes: number) => Promise<void> | undefined;
}

/** Completes uploads. */
export class UploadFinisher {
  readonly #deps: UploadFinisherDeps;

  constructor(deps: UploadFinisherDeps) {
    this.#deps = deps;
  }

  /**
   * Verifies the bytes, moves them to the blob's place and makes the blob
   * readable; returns its size. Without `hash` over all bytes they are read
   * again. Throws AppError `DIGEST_INVALID` when the bytes have another
   * digest, `BLOB_UPLOAD_INVALID` when parts are missing, and what `limit` and
   * the store throw.
   */
  async finish(
    row: UploadRow,
    digest: Digest,
    known: Known,
  ): Promise<number> {
    const { rows } = this.#deps;
    const { parts, hash, room, limit } = known;
    if (row.mode !== "parts" && parts !== undefined && parts.length > 0) {
      throw missingParts("None of the parts was uploaded.");
    }
    if (row.mode !== "parts") await limit(row.offset);
    const { algorithm } = digestParts(digest);
    const streamed = hash?.algorithm === algorithm ? hash.digest() : undefined;
    if (streamed !== undefined) {
      requireDigest(streamed, digest);
      // Older bytes are replaced: they may have rotted in the store.
      if (await rows.isVerifiedSince(digest, row.startedAt)) {
        await rows.count({ digest, size: row.offset }, room);
        await this.discardQuietly(row);
        return row.offset;
      }
    }
    try {
      return await this.#place(row, digest, known, streamed);
    } catch (error) {
      // An answer of the store may have been lost after it moved the bytes.
      if (!isAppError(error, "BLOB_UPLOAD_UNKNOWN", "BLOB_UNKNOWN")) {
        throw error;
      }
      return await this.#placedBefore(row, digest, known);
    }
  }

  async #place(
    row: UploadRow,
    digest: Digest,
    { parts, limit, room }: Known,
    streamed: Digest | undefined,
  ): Promise<number> {
    const { store, keys, rows } = this.#deps;
    if (streamed !== undefined && row.multipart) {
      return await this.#join(row, row.multipart, digest, room);
    }
    const object = await this.#assemble(row, parts);
    // Parts that go straight to the store come without being limited.
    await limit(object.size);
    if (streamed === undefined) {
      const { algorithm } = digestParts(digest);
      requireDigest(await digestOfObject(store, object.key, algorithm), digest);
    }
    let moved = false;
    await rows.publish(digest, object.size, row.startedAt, async () => {
      await store.move(object.key, keys.blob(digest), object.size);
      moved = true;
    }, room);
    await this.#tidy(row, async () => {
      if (!moved) await store.delete(object.key);
      if (row.tail && row.tail.key !== object.key) {
        await store.delete(row.tail.key);
      }
    });
    return object.size;
  }

  /** Joins bytes that are known to be right in the blob's place, in one step. */
  async #join(
    row: UploadRow,
    multipart: Multipart,
    digest: Digest,
    room: UploadRoom,
  ): Promise<number> {
    const { store, keys, rows } = this.#deps;
    let joined = false;
    await rows.publish(digest, row.offset, row.startedAt, async () => {
      const parts = await this.#streamedParts(row, multipart);
      const key = keys.blob(digest);
      const { size } = await store.completeMultipart(multipart, parts, key);
      joined = true;
      if (size !== row.offset) throw wrongSize(row.offset, size);
    }, room);
    await this.#tidy(row, async () => {
      if (!joined) await this.discard(row);
      else if (row.tail) await store.delete(row.tail.key);
    });
    return row.offset;
  }

  /** Makes an object that came into the store before readable, once it is verified. */
  async #placedBefore(
    row: UploadRow,
    digest: Digest,
    { room, limit }: Known,
  ): Promise<number> {
    const { store, keys, rows } = this.#deps;
    // Joined under the upload's own key is as far as it may have come.
    const staged = keys.upload(row.id);
    const place = keys.blob(digest);
    const joined = await store.head(staged);
    const info = joined ?? await store.head(place);
    if (!info) throw unknownUpload();
    const key = joined ? staged : place;
    await limit(info.size);
    const { algorithm } = digestParts(digest);
    requireDigest(await digestOfObject(store, key, algorithm), digest);
    await rows.publish(digest, info.size, row.startedAt, async () => {
      if (joined) await store.move(staged, place, info.size);
    }, room);
    return info.size;
  }

  /** As {@linkcode discard}; what fails is logged and left to the sweep. */
  async discardQuietly(row: UploadRow): Promise<void> {
    await this.#tidy(row, () => this.discard(row));
  }

  /** The outcome of an upload does not hang on what is cleared away after it. */
  async #tidy(row: UploadRow, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const { log } = this.#deps;
      log.warn("upload leftover stays until the sweep", {
        uploadId: row.id,
        error,
      });
    }
  }

  /** Removes all bytes of an upload from the store. */
  async discard(row: UploadRow): Promise<void> {
    const { store, keys } = this.#deps;
    if (row.multipart) {
      await store.abortMultipart(row.multipart);
      // An attempt to complete may have joined the parts already.
      await store.delete(keys.upload(row.id));
    }
    if (row.tail) await store.delete(row.tail.key);
  }

  /** Makes one object of what is staged. */
  async #assemble(
    row: UploadRow,
    parts: readonly PartRef[] | undefined,
  ): Promise<{ key: string; size: number }> {
    const { store, keys } = this.#deps;
    const key = keys.upload(row.id);
    if (!row.multipart) {
      if (row.mode === "parts") throw missingParts("No part was uploaded.");
      if (row.tail) return row.tail;
      await store.put(key, new Uint8Array(0));
      return { key, size: 0 };
    }
    try {
      const staged = row.mode === "parts"
        ? await this.#namedParts(row.multipart, parts)
        : await this.#streamedParts(row, row.multipart);
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

  async #streamedParts(row: UploadRow, multipart: Multipart): Promise<Part[]> {
    const { store } = this.#deps;
    let count = row.partCount;
    if (row.tail) {
      const bytes = await readTail(store, row.tail);
      await store.putPart(multipart, ++count, bytes);
    }
    // Later parts are those of a request that broke.
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
      if (plainEtag(part.etag) !== plainEtag(etag)) {
        throw missingParts(
          `Part ${partNumber} was uploaded with another ETag; upload it again.`,
        );
      }
      return part;
    });
  }
}

/** Digest of a stored object. Throws AppError `BLOB_UPLOAD_INVALID` when there is none. */
export async function digestOfObject(
  store: BlobStore,
  key: string,
  algorithm: RunningHash["algorithm"],
): Promise<Digest> {
  const object = await store.get(key);
  if (!object) throw missingParts("The bytes are not in the store.");
  const hash = new RunningHash(algorithm);
  for await (const chunk of object.body) hash.update(chunk);
  return hash.digest();
}

/** ETags stand with and without quotes in what clients send. */
function plainEtag(etag: string): string {
  return etag.replace(/^"(.*)"$/, "$1");
}

function requireDigest(actual: Digest, wanted: Digest): void {
  if (actual !== wanted) throw wrongDigest(actual, wanted);
}
