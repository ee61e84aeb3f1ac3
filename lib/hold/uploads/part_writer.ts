/**
 * Writes an incoming stream into a store as parts of a multipart upload.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import { AppError } from "../../errors.ts";
import type { BlobStore, Multipart, Part } from "../../storage/blob_store.ts";
import type { Tail, UploadRow } from "./upload_row.ts";
import type { Intake } from "./upload_intake.ts";

/** Where an upload stands after bytes were written. */
export type Staged = Pick<
  UploadRow,
  "multipart" | "partCount" | "offset" | "tail"
>;

/** What {@linkcode PartWriter} needs. */
export interface PartWriterDeps {
  store: BlobStore;
  /** Largest blob in bytes; parts are chosen so that it fits the store's number of parts. */
  maxBlobBytes: number;
}

/** Object key for a tail that begins at byte `offset`. */
export type TailKey = (offset: number) => string;

/** Size of parts where the store allows. */
const PART_BYTES = 8 * 1024 * 1024;

/** Parts on their way at once; with the one being filled they are all that is in memory. */
const PARALLEL = 2;

/** A part's buffer starts small: most blobs that fit into one part are tiny. */
const FIRST_BUFFER_BYTES = 256 * 1024;

/** Writes the bytes of one request behind those that are staged already. */
export class PartWriter {
  readonly #store: BlobStore;
  readonly #maxBlobBytes: number;

  constructor(deps: PartWriterDeps) {
    this.#store = deps.store;
    this.#maxBlobBytes = deps.maxBlobBytes;
  }

  /**
   * Writes all bytes of `intake`. What was staged before stays as it was, so
   * that the caller can fall back to it when this throws: it throws what the
   * store throws, what `intake` throws, and AppError `BLOB_UPLOAD_INVALID`
   * when the store takes no more parts.
   */
  async write(
    tailKey: TailKey,
    staged: Staged,
    intake: Intake,
    open: () => Promise<Multipart>,
  ): Promise<Staged> {
    return this.#store.parts.minBytes > 1
      ? await this.#writeParts(tailKey, staged, intake, open)
      : await this.#writeThrough(staged, intake, open);
  }

  /** One part per request, straight to its place. */
  async #writeThrough(
    staged: Staged,
    intake: Intake,
    open: () => Promise<Multipart>,
  ): Promise<Staged> {
    const first = await intake.block();
    if (!first) return staged;
    const multipart = staged.multipart ?? await open();
    const partNumber = this.#nextPart(staged.partCount);
    const part = await this.#store.putPart(
      multipart,
      partNumber,
      intake.stream(first),
      { offset: staged.offset },
    );
    if (part.size !== intake.bytes) {
      throw new AppError(
        "INTERNAL",
        `The store kept ${part.size} of ${intake.bytes} bytes.`,
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
    tailKey: TailKey,
    staged: Staged,
    intake: Intake,
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
        const part = await fillPart(intake, carry, partBytes);
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
    const offset = staged.offset + intake.bytes;
    if (intake.bytes === 0) return staged;
    if (carry.length === 0) {
      return { multipart, partCount, offset, tail: undefined };
    }
    // The hash over all bytes has passed these: nothing else would notice if
    // they came back from the store changed.
    const checksum = crc32(carry);
    const tail = { key: tailKey(offset), size: carry.length, checksum };
    await this.#store.put(tail.key, carry);
    return { multipart, partCount, offset, tail };
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

/** `carry` and the bytes after it, up to `size`; shorter only at the end of `intake`. */
async function fillPart(
  intake: Intake,
  carry: Uint8Array,
  size: number,
): Promise<Uint8Array> {
  let buffer = new Uint8Array(
    Math.min(size, Math.max(FIRST_BUFFER_BYTES, carry.length)),
  );
  buffer.set(carry);
  let filled = carry.length;
  for (;;) {
    filled = await intake.fill(buffer, filled);
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
