/**
 * Uploads of blobs: bytes are staged in the store, hashed on the way, and
 * become readable only when their digest is verified.
 *
 * An append counts whole or not at all: when the client's connection breaks,
 * the upload stays where it was before the request.
 *
 * @module
 */

import type { Did } from "../atproto/identity.ts";
import type { Clock } from "../clock.ts";
import { isAppError } from "../errors.ts";
import type { Kv } from "../kv/kv.ts";
import type { Logger } from "../log.ts";
import type { Digest, DigestAlgorithm } from "../oci/digest.ts";
import type { BlobStore } from "../storage/blob_store.ts";
import type { StorageKeys } from "../storage/keys.ts";
import type { BlobRows } from "./blob_rows.ts";
import { PartUploads, type PartUrl } from "./part_uploads.ts";
import { PartWriter } from "./part_writer.ts";
import {
  busyUpload,
  mixedModes,
  unknownUpload,
  wrongOffset,
} from "./upload_errors.ts";
import { type PartRef, UploadFinisher } from "./upload_finish.ts";
import { LiveHashes } from "./upload_hash.ts";
import { Intake } from "./upload_intake.ts";
import { UploadStates } from "./upload_state.ts";
import { sweepUploads } from "./upload_sweep.ts";
import { type UploadAllowance, UploadWork } from "./upload_work.ts";

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

const DAY_MS = 24 * 3600 * 1000;
const STALL_MS = 60_000;
const MAX_BLOB_BYTES = 100 * 1024 ** 3;

/** Runs uploads to one hold. Whether the caller may push is decided before. */
export class HoldUploads {
  readonly #deps: HoldUploadsDeps;
  readonly #states: UploadStates;
  readonly #work: UploadWork;
  readonly #parts: PartUploads;
  readonly #writer: PartWriter;
  readonly #finisher: UploadFinisher;
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
    this.#writer = new PartWriter({ store: deps.store, maxBlobBytes });
    this.#finisher = new UploadFinisher({ ...deps, maxBlobBytes });
  }

  /**
   * Opens an upload. `size` is the blob's, when the client tells it. Throws
   * AppError `QUOTA_EXCEEDED` or `TOO_LARGE` when it is clear already that the
   * bytes cannot be kept.
   */
  async initiate(
    caller: Did,
    options: { algorithm?: DigestAlgorithm; size?: number } = {},
  ): Promise<{ uploadId: string }> {
    const limit = await this.#work.limit(caller);
    // Even the smallest blob has a byte.
    limit(options.size ?? 1);
    const row = await this.#states.create(
      caller,
      options.algorithm ?? "sha256",
    );
    return { uploadId: row.id };
  }

  /** Bytes acknowledged so far; undefined when there is no such upload. */
  async status(uploadId: string): Promise<{ offset: number } | undefined> {
    const row = await this.#states.find(uploadId);
    return !row || row.done ? undefined : { offset: row.offset };
  }

  /** Throws AppError `BLOB_UPLOAD_UNKNOWN` unless `caller` opened the upload. */
  async requireOwner(uploadId: string, caller: Did): Promise<void> {
    const row = await this.#states.find(uploadId);
    if (row?.caller !== caller) throw unknownUpload();
  }

  /** Whether `ticket` is the one that {@linkcode partUrl} gave out for the upload. */
  acceptsTicket(uploadId: string, ticket: string): Promise<boolean> {
    return this.#parts.accepts(uploadId, ticket);
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
    uploadId: string,
    offset: number,
    body: ReadableStream<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<{ offset: number }> {
    return await this.#work.locked(uploadId, async (lock, open) => {
      const { row } = lock;
      if (row.mode === "parts") throw mixedModes();
      if (row.offset !== offset) throw wrongOffset(offset, row.offset);
      const limit = await this.#work.limit(row.caller);
      const hash = this.#hashes.at(uploadId, offset, row.algorithm)?.copy();
      const intake = new Intake({
        body,
        hash,
        clock: this.#deps.clock,
        limit: (bytes) => limit(offset + bytes),
        guard: () => {
          if (!lock.held) throw busyUpload(uploadId);
        },
        signal,
      });
      const staged = await this.#work.receive(
        intake,
        lock,
        () => this.#writer.write(this.#stagedKeys(uploadId), row, intake, open),
      );
      const { multipart, partCount, tail } = staged;
      await lock.release({
        mode: "stream",
        multipart,
        partCount,
        tail,
        offset: staged.offset,
      });
      if (hash) this.#hashes.keep(uploadId, staged.offset, hash);
      if (row.tail && row.tail.key !== tail?.key) {
        await this.#forget(row.tail.key);
      }
      return { offset: staged.offset };
    });
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
   * Throws AppError `DIGEST_INVALID` when the bytes have another digest and
   * `TOO_LARGE` when they are too many; the upload is gone then. Throws
   * `BLOB_UPLOAD_UNKNOWN`, `CONFLICT`, `BLOB_UPLOAD_INVALID` when parts are
   * missing, and what the store throws; the upload stays then.
   */
  async complete(
    uploadId: string,
    digest: Digest,
    parts?: readonly PartRef[],
  ): Promise<{ digest: Digest; size: number }> {
    const finished = (await this.#states.find(uploadId))?.done;
    if (finished?.digest === digest) return { ...finished };
    return await this.#work.locked(uploadId, async (lock) => {
      const { row } = lock;
      const hash = row.mode === "parts"
        ? undefined
        : this.#hashes.at(uploadId, row.offset, row.algorithm);
      let size: number;
      try {
        size = await this.#work.renewing(
          lock,
          () => this.#finisher.finish(row, digest, parts, hash),
        );
      } catch (error) {
        if (isAppError(error, "DIGEST_INVALID", "TOO_LARGE")) {
          this.#hashes.forget(uploadId);
          await lock.remove();
          await this.#finisher.discardQuietly(row);
        }
        throw error;
      }
      this.#hashes.forget(uploadId);
      const done = { digest, size };
      await lock.release({ multipart: undefined, tail: undefined, done });
      return done;
    });
  }

  /** Drops an upload and its bytes. Throws AppError `BLOB_UPLOAD_UNKNOWN`. */
  async abort(uploadId: string): Promise<void> {
    const row = await this.#states.find(uploadId);
    if (!row || row.done) throw unknownUpload();
    this.#hashes.forget(uploadId);
    await this.#states.remove(uploadId);
    await this.#finisher.discardQuietly(row);
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

  async #forget(key: string): Promise<void> {
    try {
      await this.#deps.store.delete(key);
    } catch (cause) {
      this.#deps.log.warn("upload leftover stays until the sweep", {
        key,
        cause,
      });
    }
  }

  #stagedKeys(uploadId: string) {
    const { keys } = this.#deps;
    return {
      data: keys.upload(uploadId),
      tail: (offset: number) => keys.upload(`${uploadId}_${offset}`),
    };
  }
}
