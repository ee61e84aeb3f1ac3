/**
 * Uploads of blobs: bytes are staged in the store, hashed meanwhile, and become
 * readable only after their digest is verified. An upload is in one of these
 * states:
 *
 * - reserved: an id without a row, known only to its opener. For the registry
 *   in this process: nothing is written before there are bytes;
 * - open: a row without bytes, for registries that call the hold over XRPC;
 * - stream: a row with the bytes up to `offset` acknowledged;
 * - parts: a row with an upload of the store that takes numbered parts;
 * - done: a row with digest and size, for ten minutes, so that a repeated
 *   completion succeeds.
 *
 * A request takes it from one to the next:
 *
 * - reserved, open, stream → stream: `append`. It is atomic: when it fails, the
 *   upload stays at its previous offset;
 * - open, parts → parts: `parts.put` and `parts.url`;
 * - reserved, open, stream, parts → done: `complete` and `finish`, which
 *   publish the blob (`BlobRows`) before they write the row;
 * - reserved → nothing: `finish` with all bytes, which go directly to the
 *   blob's key (`WholeUploads`);
 * - any but done → nothing: `abort`, a wrong digest or size at completion, and
 *   the sweep once an upload expires.
 *
 * The registry in this process identifies an upload by its whole `UploadRef`,
 * after it has checked that the caller opened it and may push. For others the
 * routes check that, by `requireOwner` or by the ticket of one part.
 *
 * Three mechanisms exclude concurrent requests on one upload:
 *
 * - the set of ids in `UploadRows`, for `append` and completion in this
 *   process. It suffices there, even if the lock in the row has expired or
 *   there is no row to lock;
 * - the lock in the row, for the same between instances. It suffices for the
 *   row, which changes only while the lock's token is in it. A request that
 *   lost the lock may write to the store until its next block. Such bytes are
 *   parts not counted in a row, or a tail under a separate key. Two instances
 *   that append to a reserved upload write separately, and the first row wins;
 * - the driver's own, for numbered parts, which take no lock because they may
 *   be concurrent: a repeated part replaces the earlier one. It suffices
 *   because completion names the ETags of the valid parts. The row of such an
 *   upload changes by compare and swap.
 *
 * What an upload reserves of the quota (`QuotaRooms`) is keyed by its id.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import type {
  BlobLink,
  CompletedUpload,
  PartRef,
  RequestBytes,
  UploadRef,
} from "../../hold_api/hold_client.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Instance } from "../../kv/operating/instance.ts";
import type { Logger } from "../../log.ts";
import type { Digest, DigestAlgorithm } from "../../oci/digest.ts";
import type { BlobStore } from "../../storage/blob_store.ts";
import type { StorageKeys } from "../../storage/object_keys.ts";
import type { BlobRows } from "../blobs/blob_rows.ts";
import type { QuotaRooms } from "../quota/rooms.ts";
import { PartMemory, type PartMemoryOptions } from "../../async/part_memory.ts";
import { PartUploads } from "./part_uploads.ts";
import { PartWriter } from "./part_writer.ts";
import { UploadCompletion } from "./upload_completion.ts";
import { unknownUpload } from "./upload_errors.ts";
import { LiveHashes } from "./body_reader.ts";
import { UploadRows } from "./upload_rows.ts";
import { sweepUploads } from "./upload_sweep.ts";
import { UploadWork } from "./upload_work.ts";
import { WholeUploads } from "./whole_uploads.ts";

export interface HoldUploadsDeps {
  kv: Kv;
  store: BlobStore;
  keys: StorageKeys;
  rows: BlobRows;
  clock: Clock;
  log: Logger;
  quota: QuotaRooms;
  /** This process, so that others can take over what it holds when it was killed. */
  instance?: Instance | undefined;
  /** Public origin of the hold, for parts sent to it. */
  baseUrl: string;
  /** Whether parts may go directly to the store if it can sign URLs. */
  presign: boolean;
  /** Idle time after which an upload expires, in milliseconds; a day by default. */
  ttlMs?: number;
  /** Largest blob in bytes; 100 GiB by default. */
  maxBlobBytes?: number;
  /** A request without bytes for this time is aborted, in milliseconds; a minute by default. */
  stallMs?: number;
  /** Bytes of blobs sent whole that are buffered at once; 64 MiB by default. */
  bufferBytes?: number;
  /** Memory of parts for stores that take only large ones. */
  partMemory?: Omit<PartMemoryOptions, "clock">;
}

const DAY_MS = 24 * 3600 * 1000;
const STALL_MS = 60_000;
const MAX_BLOB_BYTES = 100 * 1024 ** 3;

/** Runs uploads to one hold. The caller must be authorised before. */
export class HoldUploads {
  readonly #deps: HoldUploadsDeps;
  readonly #uploads: UploadRows;
  readonly #work: UploadWork;
  readonly #completion: UploadCompletion;
  readonly #whole: WholeUploads;
  readonly #ttlMs: number;
  /** Uploads by numbered parts. */
  readonly parts: PartUploads;

  constructor(deps: HoldUploadsDeps) {
    this.#deps = deps;
    const {
      ttlMs = DAY_MS,
      stallMs = STALL_MS,
      maxBlobBytes = MAX_BLOB_BYTES,
    } = deps;
    this.#ttlMs = ttlMs;
    const limits = { ttlMs, stallMs, maxBlobBytes };
    const uploads = new UploadRows({ ...deps, ttlMs });
    const hashes = new LiveHashes();
    const memory = new PartMemory({ ...deps.partMemory, clock: deps.clock });
    const writer = new PartWriter({ ...deps, maxBlobBytes, memory });
    const shared = { ...deps, uploads, hashes, writer };
    const work = new UploadWork({ ...shared, ...limits });
    this.#uploads = uploads;
    this.#work = work;
    this.parts = new PartUploads({ ...deps, uploads, work, ttlMs });
    this.#completion = new UploadCompletion({ ...shared, work, memory });
    this.#whole = new WholeUploads({ ...deps, work });
  }

  /**
   * Opens an upload. `size` is the blob's, if the client announced it. Throws
   * AppError `QUOTA_EXCEEDED` or `TOO_LARGE` when the bytes certainly cannot be
   * stored.
   */
  async initiate(
    caller: Did,
    options: { algorithm?: DigestAlgorithm; size?: number } = {},
  ): Promise<UploadRef> {
    const { size, algorithm = "sha256" } = options;
    const upload = await this.reserve(caller, algorithm);
    if (size !== undefined) {
      const { quota, clock } = this.#deps;
      this.#work.requireSize(size);
      const until = clock.now() + this.#ttlMs;
      await quota.declare(caller, upload.uploadId, size, until);
    }
    await this.#uploads.create(upload);
    return upload;
  }

  /**
   * Like {@linkcode initiate}, for a caller that stores the upload itself:
   * nothing is written here before there are bytes.
   */
  async reserve(
    caller: Did,
    algorithm: DigestAlgorithm = "sha256",
  ): Promise<UploadRef> {
    await this.#deps.quota.check(caller);
    return { uploadId: crypto.randomUUID(), caller, algorithm };
  }

  /** Bytes acknowledged so far; undefined when the upload is complete. */
  async offset({ uploadId }: UploadRef): Promise<number | undefined> {
    const row = await this.#uploads.find(uploadId);
    return row?.done ? undefined : row?.offset ?? 0;
  }

  /** Throws AppError `BLOB_UPLOAD_UNKNOWN` unless `caller` opened the upload. */
  async requireOwner(uploadId: string, caller: Did): Promise<void> {
    const row = await this.#uploads.find(uploadId);
    if (row?.caller !== caller) throw unknownUpload();
  }

  /**
   * Appends `body` at `offset` and returns the new offset. Streams with
   * back-pressure; at most three parts of 8 MiB are in memory.
   *
   * Throws AppError `RANGE_INVALID` (detail: the current offset) when `offset`
   * is not the current one, `CONFLICT` while another request works on it,
   * `BLOB_UPLOAD_UNKNOWN`, `BLOB_UPLOAD_INVALID` when the connection breaks or
   * stalls, `TOO_LARGE`, `QUOTA_EXCEEDED`, and the store's errors.
   */
  async append(
    upload: UploadRef,
    offset: number,
    body: ReadableStream<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<{ offset: number }> {
    return await this.#work.append(upload, offset, body, signal);
  }

  /**
   * Verifies the bytes against `digest` and makes them readable. Completing
   * again, or completing an existing blob, succeeds and stores nothing twice.
   * `parts` lists the parts to use, for uploads by part.
   *
   * Throws AppError `DIGEST_INVALID` when the bytes have another digest,
   * `TOO_LARGE` and `QUOTA_EXCEEDED` when there are too many; the upload is
   * deleted then. Throws `BLOB_UPLOAD_UNKNOWN`, `CONFLICT`,
   * `BLOB_UPLOAD_INVALID` when parts are missing, and the store's errors; the
   * upload is kept then.
   */
  async complete(
    uploadId: string,
    digest: Digest,
    parts?: readonly PartRef[],
  ): Promise<{ digest: Digest; size: number }> {
    const done = (await this.#uploads.find(uploadId))?.done;
    if (done?.digest === digest) return { ...done };
    const options = parts ? { parts } : {};
    const size = await this.#completion.complete(uploadId, digest, options);
    return { digest, size };
  }

  /**
   * Completes an upload, with the `last` bytes if any; `received` is the number
   * of bytes appended. The rows of `link` are written in the commit that makes
   * the blob readable, if there is one. Throws like {@linkcode append} and
   * {@linkcode complete}.
   */
  async finish(
    upload: UploadRef,
    digest: Digest,
    last?: RequestBytes,
    link?: BlobLink,
  ): Promise<CompletedUpload> {
    const row = await this.#uploads.find(upload.uploadId);
    if (row?.done?.digest === digest) {
      return { size: row.done.size, received: 0 };
    }
    let received = 0;
    if (last) {
      const { body, signal } = last;
      const offset = last.offset ?? row?.offset ?? 0;
      const taken = !row && offset === 0
        ? await this.#whole.take(upload, digest, last, link)
        : undefined;
      if (taken !== undefined) {
        return { size: taken, received: taken, linked: true };
      }
      const end = await this.append(upload, offset, body, signal);
      received = end.offset - offset;
    }
    const options = link ? { link } : {};
    const size = await this.#completion.complete(upload, digest, options);
    return { size, received, linked: true };
  }

  /**
   * Aborts an upload and deletes its bytes. Throws AppError
   * `BLOB_UPLOAD_UNKNOWN` when it is complete, or when only its id is given and
   * it has no row.
   */
  async abort(upload: string | UploadRef): Promise<void> {
    const uploadId = typeof upload === "string" ? upload : upload.uploadId;
    const row = await this.#uploads.find(uploadId);
    if (!row && typeof upload !== "string") return;
    if (!row || row.done) throw unknownUpload();
    await this.#uploads.remove(uploadId);
    await this.#completion.drop(row);
  }

  /** Removes abandoned uploads; returns how many uploads and leftovers were removed. */
  async sweep(): Promise<number> {
    return await sweepUploads({
      ...this.#deps,
      uploads: this.#uploads,
      ttlMs: this.#ttlMs,
      discard: (row) => this.#completion.discard(row),
    });
  }
}
