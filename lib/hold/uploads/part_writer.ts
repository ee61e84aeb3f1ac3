/**
 * Writes an incoming stream into a store as parts of a multipart upload.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import { AppError } from "../../errors.ts";
import type { BlobStore, Multipart, Part } from "../../storage/blob_store.ts";
import type { StorageKeys } from "../../storage/object_keys.ts";
import type { BodyReader } from "./body_reader.ts";
import type { Tail, UploadRow } from "./upload_row.ts";

/** Where an upload stands after bytes were written. */
export type Staged = Pick<
  UploadRow,
  "id" | "multipart" | "partCount" | "offset" | "tail"
>;

export interface PartWriterDeps {
  store: BlobStore;
  keys: StorageKeys;
  /** Largest blob in bytes; parts are chosen so that it fits the store's number of parts. */
  maxBlobBytes: number;
}

/** Size of parts where the store allows. */
const PART_BYTES = 8 * 1024 * 1024;

/** Parts on their way at once; with the one being filled they are all that is in memory. */
const PARALLEL = 2;

/** A part's buffer starts small: most blobs that fit into one part are tiny. */
const FIRST_BUFFER_BYTES = 256 * 1024;

/** Writes the bytes of one request behind those that are staged already. */
export class PartWriter {
  readonly #store: BlobStore;
  readonly #keys: StorageKeys;
  readonly #maxBlobBytes: number;

  constructor(deps: PartWriterDeps) {
    this.#store = deps.store;
    this.#keys = deps.keys;
    this.#maxBlobBytes = deps.maxBlobBytes;
  }

  /**
   * Writes all bytes of `reader`. What was staged before stays as it was, so
   * that the caller can fall back to it when this throws: it throws what the
   * store throws, what `reader` throws, and AppError `BLOB_UPLOAD_INVALID`
   * when the store takes no more parts.
   */
  async write(
    staged: Staged,
    reader: BodyReader,
    open: () => Promise<Multipart>,
  ): Promise<Staged> {
    return this.#store.positional
      ? await this.#writeThrough(staged, reader, open)
      : await this.#writeParts(staged, reader, open);
  }

  /** One part per request, straight to its place. */
  async #writeThrough(
    staged: Staged,
    reader: BodyReader,
    open: () => Promise<Multipart>,
  ): Promise<Staged> {
    const first = await reader.next();
    if (!first) return staged;
    const multipart = staged.multipart ?? await open();
    const partNumber = this.#nextPart(staged.partCount);
    const part = await this.#store.putPart(
      multipart,
      partNumber,
      reader.stream(first),
      { offset: staged.offset },
    );
    if (part.size !== reader.bytes) {
      throw new AppError(
        "INTERNAL",
        `The store kept ${part.size} of ${reader.bytes} bytes.`,
      );
    }
    return {
      ...staged,
      multipart,
      partCount: partNumber,
      offset: staged.offset + part.size,
    };
  }

  /**
   * Parts of equal size (some S3 servers demand it); one is filled while those
   * before are on their way. What is left over becomes the tail.
   */
  async #writeParts(
    staged: Staged,
    reader: BodyReader,
    open: () => Promise<Multipart>,
  ): Promise<Staged> {
    let { multipart, partCount } = staged;
    let carry = staged.tail
      ? await readTail(this.#store, staged.tail)
      : new Uint8Array(0);
    const inFlight: Promise<Part>[] = [];
    try {
      for (;;) {
        const partBytes = this.#partBytes(partCount);
        const part = await fillPart(reader, carry, partBytes);
        carry = part;
        if (part.length < partBytes) break;
        carry = new Uint8Array(0);
        if (inFlight.length === PARALLEL) await inFlight.shift();
        multipart ??= await open();
        partCount = this.#nextPart(partCount);
        const sending = this.#store.putPart(multipart, partCount, part);
        // Its failure is thrown where it is waited for, not from here.
        sending.catch(() => undefined);
        inFlight.push(sending);
      }
    } finally {
      // Nothing of this upload may still be on its way when the lock is gone.
      await Promise.allSettled(inFlight);
    }
    await Promise.all(inFlight);
    const offset = staged.offset + reader.bytes;
    if (reader.bytes === 0) return staged;
    if (carry.length === 0) {
      return { id: staged.id, multipart, partCount, offset, tail: undefined };
    }
    // The hash over all bytes has passed these: nothing else would notice if
    // they came back from the store changed.
    const checksum = crc32(carry);
    // Two requests that begin an upload at once may not share a tail.
    const key = this.#keys.upload(
      `${staged.id}_${offset}_${crypto.randomUUID()}`,
    );
    const tail = { key, size: carry.length, checksum };
    await this.#store.put(tail.key, carry);
    return { id: staged.id, multipart, partCount, offset, tail };
  }

  /**
   * Parts have 8 MiB when a blob of the largest size fits that way. Otherwise
   * the second half of the parts is as large as it takes, so that memory grows
   * only with blobs that are really large.
   */
  #partBytes(partCount: number): number {
    const { maxParts } = this.#store.parts;
    if (this.#maxBlobBytes <= PART_BYTES * maxParts) return PART_BYTES;
    const half = Math.floor(maxParts / 2);
    if (partCount < half) return PART_BYTES;
    return Math.ceil(
      (this.#maxBlobBytes - half * PART_BYTES) / (maxParts - half),
    );
  }

  #nextPart(partCount: number): number {
    if (partCount < this.#store.parts.maxParts) return partCount + 1;
    throw new AppError(
      "BLOB_UPLOAD_INVALID",
      `The upload has ${partCount} parts, the most the store takes; send the blob in fewer, larger chunks.`,
    );
  }
}

/** `carry` and the bytes after it, up to `size`; shorter only at the end of `reader`. */
async function fillPart(
  reader: BodyReader,
  carry: Uint8Array,
  size: number,
): Promise<Uint8Array> {
  let buffer = new Uint8Array(
    Math.min(size, Math.max(FIRST_BUFFER_BYTES, carry.length)),
  );
  buffer.set(carry);
  let filled = carry.length;
  for (;;) {
    filled = await reader.fill(buffer, filled);
    if (filled < buffer.length || buffer.length === size) {
      return buffer.subarray(0, filled);
    }
    const larger = new Uint8Array(Math.min(size, buffer.length * 4));
    larger.set(buffer);
    buffer = larger;
  }
}

/** The bytes of a tail. Throws AppError `BLOB_UPLOAD_INVALID` when they are gone or are not those that were stored. */
export async function readTail(
  store: BlobStore,
  { key, size, checksum }: Tail,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  let filled = 0;
  const object = await store.get(key);
  if (object?.info.size === size) {
    for await (const chunk of object.body) {
      bytes.set(chunk, filled);
      filled += chunk.length;
    }
  } else await object?.body.cancel();
  const isWhole = filled === size;
  if (isWhole && (checksum === undefined || checksum === crc32(bytes))) {
    return bytes;
  }
  throw new AppError(
    "BLOB_UPLOAD_INVALID",
    `Bytes of this upload ${
      isWhole ? "have changed" : "are missing"
    } in the store; start a new upload.`,
  );
}
