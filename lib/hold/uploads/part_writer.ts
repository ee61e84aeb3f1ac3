/**
 * Writes an incoming stream into a store as parts of a multipart upload.
 *
 * @module
 */

import { AppError } from "../../errors.ts";
import type { BlobStore, Multipart, Part } from "../../storage/blob_store.ts";
import type { StorageKeys } from "../../storage/object_keys.ts";
import type { BodyReader } from "./body_reader.ts";
import {
  FIRST_BUFFER_BYTES,
  largerBuffer,
  type PartBuffer,
  type PartMemory,
  type PartUser,
} from "../../async/part_memory.ts";
import { addToTail, planTail, readTail, tailSize } from "./tails.ts";
import type { Tail, UploadRow } from "./upload_row.ts";

/** State of an upload after a write. */
export type Staged = Pick<
  UploadRow,
  "id" | "multipart" | "partCount" | "offset" | "tail"
>;

/** The upload before a write, and whose it is. */
type Before = Staged & Pick<UploadRow, "caller">;

export interface PartWriterDeps {
  store: BlobStore;
  keys: StorageKeys;
  /**
   * Largest blob in bytes; part sizes are chosen so that it fits the store's
   * maximum number of parts.
   */
  maxBlobBytes: number;
  memory: Pick<PartMemory, "reserve">;
}

/** Preferred part size. */
const PART_BYTES = 8 * 1024 * 1024;

/** Concurrent part uploads; only these and the part being filled are in memory. */
const PARALLEL = 2;

/** A part being filled, and its memory unless it is small. */
interface Filled {
  readonly bytes: Uint8Array;
  readonly held: PartBuffer | undefined;
}

const EMPTY: Filled = { bytes: new Uint8Array(0), held: undefined };

/** Appends the bytes of one request to those already staged. */
export class PartWriter {
  readonly #store: BlobStore;
  readonly #keys: StorageKeys;
  readonly #maxBlobBytes: number;
  readonly #memory: Pick<PartMemory, "reserve">;

  constructor(deps: PartWriterDeps) {
    this.#store = deps.store;
    this.#memory = deps.memory;
    this.#keys = deps.keys;
    this.#maxBlobBytes = deps.maxBlobBytes;
  }

  /**
   * Writes all bytes of `reader`. Staged bytes stay unchanged, so that the
   * caller can fall back to them on failure. Throws the errors of the store and
   * of `reader`, AppError `BLOB_UPLOAD_INVALID` when the maximum number of
   * parts is reached, and `UNAVAILABLE` without memory for parts, or when an
   * account with less of it needs it.
   */
  async write(
    staged: Before,
    reader: BodyReader,
    open: () => Promise<Multipart>,
  ): Promise<Staged> {
    return this.#store.positional
      ? await this.#writeThrough(staged, reader, open)
      : await this.#writeParts(staged, reader, open);
  }

  /** One part per request, written directly at its offset. */
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
   * Parts of equal size (required by some S3 servers); one is filled while
   * earlier ones are being sent. The remainder becomes the tail.
   */
  async #writeParts(
    staged: Before,
    reader: BodyReader,
    open: () => Promise<Multipart>,
  ): Promise<Staged> {
    let { multipart, partCount } = staged;
    const inFlight: Promise<Part>[] = [];
    const user: PartUser = {
      account: staged.caller,
      evict: (error) => reader.stop(error),
      get over() {
        return reader.over;
      },
    };
    let { tail } = staged;
    let part = EMPTY;
    try {
      for (;;) {
        const partBytes = this.#partBytes(partCount);
        const size = partBytes - tailSize(tail);
        part = await this.#fillPart(reader, EMPTY, size, user);
        if (part.bytes.length < size) break;
        if (tail) part = await this.#whole(tail, part, user);
        tail = undefined;
        if (inFlight.length === PARALLEL) await inFlight.shift();
        multipart ??= await open();
        partCount = this.#nextPart(partCount);
        const sending = this.#send(multipart, partCount, part);
        // Its failure is thrown where it is awaited.
        sending.catch(() => undefined);
        inFlight.push(sending);
        part = EMPTY;
      }
      await Promise.all(inFlight);
      if (reader.bytes === 0) return staged;
      const { id } = staged;
      const offset = staged.offset + reader.bytes;
      tail = await this.#keepTail({ id, offset }, tail, part, user);
      return { id, multipart, partCount, offset, tail };
    } finally {
      // No write of this upload may be pending after the lock is released.
      await Promise.allSettled(inFlight);
      part.held?.free();
    }
  }

  /** A full part: `tail` and the bytes after it. */
  async #whole(
    tail: Tail,
    { bytes, held }: Filled,
    user: PartUser,
  ): Promise<Filled> {
    const size = tailSize(tail) + bytes.length;
    const memory = held ?? await this.#memory.reserve(size, user);
    try {
      const whole = new Uint8Array(size);
      whole.set(bytes, size - bytes.length);
      await readTail(this.#store, tail, whole);
      return { bytes: whole, held: memory };
    } catch (error) {
      memory.free();
      throw error;
    }
  }

  /** Stores bytes that are too few for a part after `tail`. */
  async #keepTail(
    { id, offset }: Pick<Staged, "id" | "offset">,
    tail: Tail | undefined,
    { bytes, held }: Filled,
    user: PartUser,
  ): Promise<Tail | undefined> {
    if (bytes.length === 0) return tail;
    const plan = planTail(tail, bytes.length);
    const more = !held && plan.size > FIRST_BUFFER_BYTES
      ? await this.#memory.reserve(PART_BYTES, user)
      : undefined;
    try {
      let piece = bytes;
      if (plan.joined) {
        piece = new Uint8Array(plan.size);
        piece.set(bytes, plan.size - bytes.length);
        await readTail(this.#store, plan.joined, piece);
      }
      // Two requests that start an upload concurrently must not share a piece.
      const key = this.#keys.upload(`${id}_${offset}_${crypto.randomUUID()}`);
      return await addToTail(this.#store, plan, key, piece);
    } finally {
      more?.free();
    }
  }

  /** Sends a part; its memory is free afterwards. */
  async #send(
    multipart: Multipart,
    partNumber: number,
    { bytes, held }: Filled,
  ): Promise<Part> {
    try {
      return await this.#store.putPart(multipart, partNumber, bytes);
    } finally {
      held?.free();
    }
  }

  /**
   * Fills `part` with the bytes after it, up to `size`; shorter only at the end
   * of `reader`. Frees its memory when it throws.
   */
  async #fillPart(
    reader: BodyReader,
    { bytes, held }: Filled,
    size: number,
    user: PartUser,
  ): Promise<Filled> {
    try {
      let buffer = largerBuffer(bytes, size, 1);
      let filled = bytes.length;
      for (;;) {
        filled = await reader.fill(buffer, filled);
        if (filled < buffer.length || buffer.length === size) {
          return { bytes: buffer.subarray(0, filled), held };
        }
        held ??= await this.#memory.reserve(Math.max(size, PART_BYTES), user);
        buffer = largerBuffer(buffer, size, 4);
      }
    } catch (error) {
      held?.free();
      throw error;
    }
  }

  /**
   * Parts have 8 MiB if the largest blob fits that way. Otherwise the second
   * half of the parts is larger, so that memory grows only for really large
   * blobs.
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
