/**
 * In-memory driver for tests.
 *
 * @module
 */

import { joinBytes } from "../bytes.ts";
import { type Clock, systemClock } from "../clock.ts";
import type {
  BlobStore,
  ByteRange,
  Multipart,
  ObjectHeaders,
  ObjectInfo,
  Part,
  PartLimits,
} from "./blob_store.ts";
import { assertKey, assertPrefix } from "./object_keys.ts";
import {
  assertOffset,
  assertPartNumber,
  MAX_PARTS,
  misplacedPart,
  nothingToMove,
  orderedParts,
  otherPart,
  requireSize,
  unknownUpload,
} from "./part_list.ts";
import { collect, sliceOf } from "./stream.ts";

interface StoredObject {
  readonly info: ObjectInfo;
  readonly bytes: Uint8Array;
}

interface StoredPart {
  readonly etag: string;
  readonly offset: number | undefined;
  readonly bytes: Uint8Array;
}

interface Upload {
  readonly key: string;
  readonly headers: ObjectHeaders;
  readonly startedAt: number;
  readonly parts: Map<number, StoredPart>;
}

/** Bytes of one chunk of a body. */
const CHUNK = 64 * 1024;

/** A {@linkcode BlobStore} that holds everything in memory. */
export class MemoryBlobStore implements BlobStore {
  readonly driver = "memory";
  readonly parts: PartLimits = { minBytes: 1, maxParts: MAX_PARTS };
  readonly positional: boolean = true;
  readonly #clock: Clock;
  readonly #objects = new Map<string, StoredObject>();
  readonly #uploads = new Map<string, Upload>();
  #versions = 0;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  check(): Promise<void> {
    return Promise.resolve();
  }

  async localSize(key: string): Promise<number | undefined> {
    return (await this.head(key))?.size;
  }

  head(key: string): Promise<ObjectInfo | undefined> {
    return Promise.try(() => {
      assertKey(key);
      return this.#objects.get(key)?.info;
    });
  }

  get(
    key: string,
    range?: ByteRange,
    signal?: AbortSignal,
  ): Promise<
    { info: ObjectInfo; body: ReadableStream<Uint8Array> } | undefined
  > {
    return Promise.try(() => {
      assertKey(key);
      signal?.throwIfAborted();
      const object = this.#objects.get(key);
      if (object === undefined) return undefined;
      const { start, length } = sliceOf(object.bytes.length, range);
      const bytes = object.bytes.subarray(start, start + length);
      return { info: object.info, body: streamOf(bytes, signal) };
    });
  }

  put(
    key: string,
    bytes: Uint8Array,
    headers: ObjectHeaders = {},
  ): Promise<ObjectInfo> {
    return Promise.try(() => {
      assertKey(key);
      return this.#store(key, bytes.slice(), headers);
    });
  }

  delete(key: string): Promise<void> {
    return Promise.try(() => {
      assertKey(key);
      this.#objects.delete(key);
    });
  }

  move(from: string, to: string, size?: number): Promise<void> {
    return Promise.try(() => {
      assertKey(from);
      assertKey(to);
      const object = this.#objects.get(from);
      if (object === undefined) throw nothingToMove(from);
      requireSize(size, object.info.size);
      this.#objects.delete(from);
      this.#objects.set(to, object);
    });
  }

  async *list(
    prefix: string,
  ): AsyncGenerator<{ key: string; info: ObjectInfo }, void, void> {
    assertPrefix(prefix);
    for (const key of [...this.#objects.keys()].sort()) {
      const info = await this.head(key);
      if (info && key.startsWith(prefix)) yield { key, info };
    }
  }

  createMultipart(
    key: string,
    headers: ObjectHeaders = {},
  ): Promise<Multipart> {
    return Promise.try(() => {
      assertKey(key);
      const id = crypto.randomUUID();
      const startedAt = this.#clock.now();
      this.#uploads.set(id, { key, headers, startedAt, parts: new Map() });
      return { key, id };
    });
  }

  async putPart(
    upload: Multipart,
    partNumber: number,
    body: ReadableStream<Uint8Array> | Uint8Array,
    options: { offset?: number; signal?: AbortSignal } = {},
  ): Promise<Part> {
    const { offset, signal } = options;
    assertPartNumber(partNumber);
    assertOffset(offset);
    this.#load(upload);
    const bytes = await collect(body, Infinity, signal);
    const etag = this.#version();
    this.#load(upload).parts.set(partNumber, { etag, offset, bytes });
    return { partNumber, etag, size: bytes.length };
  }

  listParts(upload: Multipart): Promise<Part[]> {
    return Promise.try(() =>
      [...this.#load(upload).parts]
        .map(([partNumber, { etag, bytes }]) => (
          { partNumber, etag, size: bytes.length }
        ))
        .sort((a, b) => a.partNumber - b.partNumber)
    );
  }

  completeMultipart(
    upload: Multipart,
    parts: readonly Part[],
    key = upload.key,
  ): Promise<ObjectInfo> {
    return Promise.try(() => {
      const { headers, parts: stored } = this.#load(upload);
      const chunks: Uint8Array[] = [];
      let total = 0;
      for (const { partNumber, etag } of orderedParts(parts)) {
        const part = stored.get(partNumber);
        if (part?.etag !== etag) throw otherPart(partNumber);
        if ((part.offset ?? total) !== total) {
          throw misplacedPart(partNumber, part.offset ?? total, total);
        }
        chunks.push(part.bytes);
        total += part.bytes.length;
      }
      this.#uploads.delete(upload.id);
      return this.#store(key, joinBytes(chunks), headers);
    });
  }

  abortMultipart(upload: Multipart): Promise<void> {
    return Promise.try(() => {
      this.#uploads.delete(upload.id);
    });
  }

  async *listMultiparts(
    prefix: string,
  ): AsyncGenerator<{ upload: Multipart; startedAt: number }, void, void> {
    assertPrefix(prefix);
    for (const [id, { key, startedAt }] of this.#uploads) {
      if (key.startsWith(prefix)) yield { upload: { key, id }, startedAt };
    }
  }

  #load(upload: Multipart): Upload {
    const found = this.#uploads.get(upload.id);
    if (found?.key !== upload.key) throw unknownUpload(upload);
    return found;
  }

  #store(key: string, bytes: Uint8Array, headers: ObjectHeaders): ObjectInfo {
    const info = {
      size: bytes.length,
      etag: this.#version(),
      modifiedAt: this.#clock.now(),
      contentType: headers.contentType,
      cacheControl: headers.cacheControl,
    };
    this.#objects.set(key, { info, bytes });
    return info;
  }

  #version(): string {
    return (++this.#versions).toString(16);
  }
}

function streamOf(
  bytes: Uint8Array,
  signal: AbortSignal | undefined,
): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      signal?.throwIfAborted();
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at + CHUNK));
      at += CHUNK;
    },
  });
}
