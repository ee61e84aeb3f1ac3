/**
 * Blobs sent in a single request with their digest: no state is needed for a
 * later request, so the bytes go directly to the blob's key.
 *
 * @module
 */

import { ByteBudget } from "../../async/byte_budget.ts";
import type { Clock } from "../../clock.ts";
import type {
  BlobLink,
  RequestBytes,
  UploadRef,
} from "../../hold_api/hold_client.ts";
import type { Logger } from "../../log.ts";
import { type Digest, digestParts } from "../../oci/digest.ts";
import type { BlobStore } from "../../storage/blob_store.ts";
import type { StorageKeys } from "../../storage/object_keys.ts";
import { own, release } from "../../storage/owned_bytes.ts";
import { wrongSize } from "../../storage/part_list.ts";
import { type BlobCounter, withLink } from "../blobs/blob_counter.ts";
import type { BlobRows } from "../blobs/blob_rows.ts";
import { wrongDigest } from "./upload_errors.ts";
import { BodyReader, RunningHash } from "./body_reader.ts";
import type { UploadWork } from "./upload_work.ts";

export interface WholeUploadsDeps {
  store: BlobStore;
  keys: StorageKeys;
  rows: BlobRows;
  clock: Clock;
  log: Logger;
  work: UploadWork;
  /** Bytes of blobs that are buffered at once; 64 MiB by default. */
  bufferBytes?: number | undefined;
}

/** Destination of the bytes. */
interface Target {
  readonly digest: Digest;
  /** Start of the request, in milliseconds since the Unix epoch. */
  readonly startedAt: number;
  /** Charges the blob. */
  readonly counter: BlobCounter;
}

/** Blobs up to this size are buffered in memory until their digest is known. */
const SMALL_BYTES = 1024 * 1024;

/** The same for stores that require large parts, which are buffered anyway. */
const SMALL_PART_BYTES = 8 * 1024 * 1024;

/** Bytes buffered at once: clients that are slow keep theirs for as long as they like. */
const BUFFER_BYTES = 64 * 1024 * 1024;

/** Receives blobs in a single request. */
export class WholeUploads {
  readonly #deps: WholeUploadsDeps;
  readonly #smallBytes: number;
  readonly #buffers: ByteBudget;

  constructor(deps: WholeUploadsDeps) {
    this.#deps = deps;
    this.#smallBytes = deps.store.positional ? SMALL_BYTES : SMALL_PART_BYTES;
    this.#buffers = new ByteBudget(deps.bufferBytes ?? BUFFER_BYTES);
  }

  /**
   * Verifies the bytes, stores them and makes the blob readable; returns its
   * size. Small blobs are buffered while there is memory for buffers, others
   * stream. Returns undefined, with the body unread, when the store cannot take
   * a stream whose digest is not known yet. Leaves nothing behind when it throws AppError `DIGEST_INVALID`,
   * `TOO_LARGE`, `QUOTA_EXCEEDED`, `BLOB_UPLOAD_INVALID` when the connection
   * breaks or stalls, and the store's errors.
   */
  async take(
    upload: UploadRef,
    digest: Digest,
    request: Omit<RequestBytes, "offset">,
    link?: BlobLink,
  ): Promise<number | undefined> {
    const { size } = request;
    const buffer = size !== undefined && size <= this.#smallBytes
      ? size + 1
      : undefined;
    if (buffer === undefined || !this.#buffers.take(buffer)) {
      if (!this.#deps.store.positional) return undefined;
      return await this.#take(upload, digest, request, { link });
    }
    try {
      return await this.#take(upload, digest, request, { link, buffer });
    } finally {
      this.#buffers.give(buffer);
    }
  }

  /** Takes a blob in a buffer of `buffer` bytes, or as a stream without it. */
  async #take(
    { uploadId, caller }: UploadRef,
    digest: Digest,
    { body, size, signal }: Omit<RequestBytes, "offset">,
    { link, buffer }: { link: BlobLink | undefined; buffer?: number },
  ): Promise<number> {
    const { clock, work } = this.#deps;
    const startedAt = clock.now();
    const hash = new RunningHash(digestParts(digest).algorithm);
    const guard = () => undefined;
    const request = { uploadId, caller, digest };
    return await work.within(request, async (room) => {
      if (size !== undefined) await work.need(room, size);
      const limit = (bytes: number) => work.need(room, bytes);
      const reader = new BodyReader({
        body,
        hash,
        clock,
        limit,
        guard,
        signal,
      });
      return await work.receive(reader, { room }, async () => {
        const counter = withLink(room, link);
        const target = { digest, startedAt, counter };
        if (buffer !== undefined) {
          return await this.#takeSmall(reader, hash, target, buffer);
        }
        await this.#takeLarge(uploadId, reader, hash, target);
        return reader.bytes;
      });
    });
  }

  async #takeSmall(
    reader: BodyReader,
    hash: RunningHash,
    { digest, startedAt, counter }: Target,
    bytes: number,
  ): Promise<number> {
    const { store, keys, rows } = this.#deps;
    // One byte more than announced, to detect longer bodies.
    const buffer = own(new Uint8Array(bytes));
    const filled = await reader.fill(buffer, 0);
    requireDigest(hash, digest);
    await rows.publish(digest, filled, startedAt, async () => {
      await store.put(keys.blob(digest), buffer.subarray(0, filled));
    }, counter);
    release(buffer);
    return filled;
  }

  async #takeLarge(
    uploadId: string,
    reader: BodyReader,
    hash: RunningHash,
    { digest, startedAt, counter }: Target,
  ): Promise<void> {
    const { store, keys, rows, log } = this.#deps;
    const upload = await store.createMultipart(keys.upload(uploadId));
    let placed = false;
    try {
      const first = await reader.next() ?? new Uint8Array(0);
      const stream = reader.stream(first);
      const part = await store.putPart(upload, 1, stream, { offset: 0 });
      requireDigest(hash, digest);
      if (part.size !== reader.bytes) throw wrongSize(reader.bytes, part.size);
      await rows.publish(digest, part.size, startedAt, async () => {
        await store.completeMultipart(upload, [part], keys.blob(digest));
        placed = true;
      }, counter);
    } finally {
      if (!placed) {
        await store.abortMultipart(upload).catch((cause) =>
          log.warn("upload leftover stays until the sweep", { uploadId, cause })
        );
      }
    }
  }
}

function requireDigest(hash: RunningHash, wanted: Digest): void {
  const actual = hash.digest();
  if (actual !== wanted) throw wrongDigest(actual, wanted);
}
