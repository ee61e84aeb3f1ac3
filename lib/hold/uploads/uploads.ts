/**
 * Uploads of blobs: bytes are staged in the store, hashed on the way, and
 * become readable only when their digest is verified.
 *
 * An append counts whole or not at all: when the client's connection breaks,
 * the upload stays where it was before the request.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Clock } from "../../clock.ts";
import { isAppError } from "../../errors.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Logger } from "../../log.ts";
import type { Digest, DigestAlgorithm } from "../../oci/digest.ts";
import type { BlobStore } from "../../storage/blob_store.ts";
import type { StorageKeys } from "../../storage/object_keys.ts";
import type { BlobRows } from "../blobs/blob_rows.ts";
import { PartUploads, type PartUrl } from "./part_uploads.ts";
import { PartWriter } from "./part_writer.ts";
import { Appends } from "./appends.ts";
import { unknownUpload } from "./upload_errors.ts";
import { type PartRef, UploadFinisher } from "./upload_finish.ts";
import { LiveHashes } from "./upload_hash.ts";
import type { UploadRef, UploadRow } from "./upload_row.ts";
import { UploadStates } from "./upload_state.ts";
import { sweepUploads } from "./upload_sweep.ts";
import type { UploadAllowance } from "./upload_room.ts";
import { UploadWork } from "./upload_work.ts";
import { type RequestBytes, WholeUploads } from "./whole_uploads.ts";

/** What {@linkcode HoldUploads} needs. */
export interface HoldUploadsDeps {
  kv: Kv;
  store: BlobStore;
  keys: StorageKeys;
  rows: BlobRows;
  clock: Clock;
  log: Logger;
  allowance: UploadAllowance;
  /** Origin under which the hold is reached, for parts that come to us. */
  baseUrl: string;
  /** Whether parts may go straight to the store where it can sign URLs. */
  presign: boolean;
  /** How long an upload may lie untouched, in milliseconds; a day by default. */
  ttlMs?: number;
  /** Largest blob in bytes; 100 GiB by default. */
  maxBlobBytes?: number;
  /** A request that brings no bytes for so long is ended, in milliseconds; a minute by default. */
  stallMs?: number;
}

/** Errors of an upload that has more bytes than may be kept. */
const TOO_MUCH = ["TOO_LARGE", "QUOTA_EXCEEDED"] as const;

const DAY_MS = 24 * 3600 * 1000;
const STALL_MS = 60_000;
const MAX_BLOB_BYTES = 100 * 1024 ** 3;

/** Runs uploads to one hold. Whether the caller may push is decided before. */
export class HoldUploads {
  readonly #deps: HoldUploadsDeps;
  readonly #states: UploadStates;
  readonly #work: UploadWork;
  readonly #parts: PartUploads;
  readonly #appends: Appends;
  readonly #finisher: UploadFinisher;
  readonly #whole: WholeUploads;
  readonly #hashes = new LiveHashes();
  readonly #ttlMs: number;

  constructor(deps: HoldUploadsDeps) {
    this.#deps = deps;
    this.#ttlMs = deps.ttlMs ?? DAY_MS;
    const ttlMs = this.#ttlMs;
    const stallMs = deps.stallMs ?? STALL_MS;
    const maxBlobBytes = deps.maxBlobBytes ?? MAX_BLOB_BYTES;
    const states = new UploadStates({ ...deps, ttlMs });
    const work = new UploadWork({ ...deps, states, maxBlobBytes, stallMs });
    this.#states = states;
    this.#work = work;
    this.#parts = new PartUploads({ ...deps, states, work, ttlMs });
    this.#appends = new Appends({
      ...deps,
      ttlMs,
      work,
      hashes: this.#hashes,
      writer: new PartWriter({ store: deps.store, maxBlobBytes }),
    });
    this.#finisher = new UploadFinisher(deps);
    this.#whole = new WholeUploads({ ...deps, work });
  }

  /**
   * Opens an upload. `size` is the blob's, when the client tells it. Throws
   * AppError `QUOTA_EXCEEDED` or `TOO_LARGE` when it is clear already that the
   * bytes cannot be kept.
   */
  async initiate(
    caller: Did,
    options: { algorithm?: DigestAlgorithm; size?: number } = {},
  ): Promise<UploadRef> {
    const { size, algorithm = "sha256" } = options;
    const upload = await this.reserve(caller, algorithm);
    if (size !== undefined) {
      const { allowance, clock } = this.#deps;
      this.#work.requireSize(size);
      const until = clock.now() + this.#ttlMs;
      await allowance.declare(caller, upload.uploadId, size, until);
    }
    await this.#states.create(upload);
    return upload;
  }

  /**
   * As {@linkcode initiate}, for who remembers the upload by itself: nothing is
   * written here before bytes come.
   */
  async reserve(
    caller: Did,
    algorithm: DigestAlgorithm = "sha256",
  ): Promise<UploadRef> {
    await this.#deps.allowance.check(caller);
    return { uploadId: crypto.randomUUID(), caller, algorithm };
  }

  /** Bytes acknowledged so far; undefined when the upload is complete. */
  async offset({ uploadId }: UploadRef): Promise<number | undefined> {
    const row = await this.#states.find(uploadId);
    return row?.done ? undefined : row?.offset ?? 0;
  }

  /** Throws AppError `BLOB_UPLOAD_UNKNOWN` unless `caller` opened the upload. */
  async requireOwner(uploadId: string, caller: Did): Promise<void> {
    const row = await this.#states.find(uploadId);
    if (row?.caller !== caller) throw unknownUpload();
  }

  /**
   * Who opened the upload, when `ticket` is the one that {@linkcode partUrl}
   * gave out for it. Whether they may still push is the caller's to check.
   */
  ticketHolder(uploadId: string, ticket: string): Promise<Did | undefined> {
    return this.#parts.holder(uploadId, ticket);
  }

  /**
   * Appends `body` at `offset` and returns the new offset. Streams with
   * back-pressure; at most three parts of 8 MiB are in memory.
   *
   * Throws AppError `RANGE_INVALID` (detail: the present offset) when `offset`
   * is not where the upload stands, `CONFLICT` while another request works on
   * it, `BLOB_UPLOAD_UNKNOWN`, `BLOB_UPLOAD_INVALID` when the connection
   * breaks or stalls, `TOO_LARGE`, `QUOTA_EXCEEDED`, and what the store throws.
   */
  async append(
    upload: UploadRef,
    offset: number,
    body: ReadableStream<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<{ offset: number }> {
    return await this.#appends.append(upload, offset, body, signal);
  }

  /**
   * Stores one numbered part, in any order; a part uploaded twice counts once.
   * Throws AppError `INVALID_REQUEST` for a number out of range, else as
   * {@linkcode append} does.
   */
  async putPart(
    uploadId: string,
    partNumber: number,
    body: ReadableStream<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<{ etag: string }> {
    return await this.#parts.put(uploadId, partNumber, body, signal);
  }

  /**
   * Where `caller` may write one part within a quarter of an hour: straight to
   * the store when it signs URLs, else to us. Throws AppError
   * `BLOB_UPLOAD_UNKNOWN` when the upload is not the caller's.
   */
  async partUrl(
    uploadId: string,
    partNumber: number,
    caller: Did,
  ): Promise<PartUrl> {
    await this.requireOwner(uploadId, caller);
    return await this.#parts.url(uploadId, partNumber);
  }

  /**
   * Verifies the bytes against `digest` and makes them readable. Completing
   * again, or completing a blob that is there already, succeeds and stores
   * nothing twice. `parts` names the parts that count, for uploads by part.
   *
   * Throws AppError `DIGEST_INVALID` when the bytes have another digest,
   * `TOO_LARGE` and `QUOTA_EXCEEDED` when they are too many; the upload is gone
   * then. Throws `BLOB_UPLOAD_UNKNOWN`, `CONFLICT`, `BLOB_UPLOAD_INVALID` when
   * parts are missing, and what the store throws; the upload stays then.
   */
  async complete(
    uploadId: string,
    digest: Digest,
    parts?: readonly PartRef[],
  ): Promise<{ digest: Digest; size: number }> {
    const finished = (await this.#states.find(uploadId))?.done;
    if (finished?.digest === digest) return { ...finished };
    return await this.#complete(uploadId, digest, parts);
  }

  async #complete(
    upload: string | UploadRef,
    digest: Digest,
    parts?: readonly PartRef[],
  ): Promise<{ digest: Digest; size: number }> {
    return await this.#work.locked(upload, async (lock) => {
      const { row } = lock;
      const hash = row.mode === "parts" ? undefined : this.#hashes.of(row);
      const { id: uploadId, caller } = row;
      const request = { uploadId, caller, digest };
      try {
        return await this.#work.within(request, async (room) => {
          const limit = (bytes: number) => this.#work.need(room, bytes);
          const size = await this.#work.renewing(
            { lock, room },
            () =>
              this.#finisher.finish(row, digest, { parts, hash, room, limit }),
          );
          this.#hashes.forget(row);
          const done = { digest, size };
          await lock.release({ multipart: undefined, tail: undefined, done });
          return done;
        }, "keep");
      } catch (error) {
        if (isAppError(error, "DIGEST_INVALID", ...TOO_MUCH)) {
          await lock.remove();
          await this.#drop(row);
        }
        throw error;
      }
    });
  }

  /** Removes what there is of an upload besides its row. */
  async #drop(row: UploadRow): Promise<void> {
    this.#hashes.forget(row);
    await this.#finisher.discardQuietly(row);
    await this.#deps.allowance.release(row.caller, row.id);
  }

  /**
   * Completes an upload, with the `last` bytes if there are any. Throws what
   * {@linkcode append} and {@linkcode complete} do.
   */
  async finish(
    upload: UploadRef,
    digest: Digest,
    last?: RequestBytes,
  ): Promise<{ size: number }> {
    const row = await this.#states.find(upload.uploadId);
    if (row?.done?.digest === digest) return { size: row.done.size };
    if (last) {
      const { offset, body, size, signal } = last;
      if (!row && offset === 0 && this.#whole.takes(size)) {
        return { size: await this.#whole.take(upload, digest, last) };
      }
      await this.append(upload, offset, body, signal);
    }
    return await this.#complete(upload, digest);
  }

  /**
   * Drops an upload and its bytes. Throws AppError `BLOB_UPLOAD_UNKNOWN` when
   * it is complete, or when only its id is given and it has no row.
   */
  async abort(upload: string | UploadRef): Promise<void> {
    const uploadId = typeof upload === "string" ? upload : upload.uploadId;
    const row = await this.#states.find(uploadId);
    if (!row && typeof upload !== "string") return;
    if (!row || row.done) throw unknownUpload();
    await this.#states.remove(uploadId);
    await this.#drop(row);
  }

  /** Drops what nobody will finish any more; returns how many uploads and leftovers were removed. */
  async sweep(): Promise<number> {
    return await sweepUploads({
      ...this.#deps,
      states: this.#states,
      ttlMs: this.#ttlMs,
      discard: (row) => this.#finisher.discard(row),
    });
  }
}
