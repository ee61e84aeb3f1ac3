/**
 * Blob uploads: from the first POST to the readable blob. The bytes go to the
 * owner's hold; with the row in KV any instance can continue an upload.
 *
 * @module
 */

import type { Did } from "../did.ts";
import { AppError, isAppError } from "../errors.ts";
import type { Clock } from "../clock.ts";
import type { Entry, Kv } from "../kv/kv.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import {
  type Digest,
  type DigestAlgorithm,
  digestParts,
} from "../oci/digest.ts";
import type {
  HoldClient,
  HoldDirectory,
  RequestBytes,
  UploadRef,
} from "../hold_api/hold_client.ts";
import { type BlobIndex, putFirst } from "./blob_index.ts";
import { requireWrite } from "./holds.ts";
import { registryKeys } from "./kv_keys.ts";
import type { RepoRef } from "./manifests/manifest_index.ts";
import type { BlobRow, UploadRow } from "./rows.ts";

export interface UploadsDeps {
  kv: Kv;
  clock: Clock;
  holds: HoldDirectory;
  blobs: BlobIndex;
  log: Logger;
  metrics: Metrics;
  /** Idle time after which an upload expires, in milliseconds. */
  ttlMs: number;
}

/** An upload as the client sees it. */
export interface UploadStatus {
  id: string;
  /** Bytes acknowledged so far. */
  offset: number;
}

/** One chunk of an upload. */
export interface UploadChunk extends Omit<RequestBytes, "offset"> {
  /** Offset given by the client; undefined means "at the end". */
  readonly start?: number;
}

/** Remaining share of an upload's lifetime above which new bytes do not extend it. */
const NEARLY_ALL = 23 / 24;

/** Runs uploads of blobs (distribution-spec, "Pushing Blobs"). */
export class Uploads {
  readonly #deps: UploadsDeps;

  constructor(deps: UploadsDeps) {
    this.#deps = deps;
  }

  /** Opens an upload of `caller` to `holdDid` (end-4a, 4b, 4c). */
  async start(
    ref: RepoRef,
    caller: Did,
    holdDid: Did,
    algorithm: DigestAlgorithm,
  ): Promise<UploadStatus> {
    const { kv, clock, holds, ttlMs } = this.#deps;
    const hold = await holds.get(holdDid);
    await requireWrite(hold, caller);
    const id = crypto.randomUUID();
    const holdUploadId = await hold.startUpload(caller, algorithm);
    const expiresAt = clock.now() + ttlMs;
    const row: UploadRow = {
      ...ref,
      caller,
      holdDid,
      holdUploadId,
      algorithm,
      expiresAt,
    };
    await kv.set(registryKeys.upload(id), row, { expiresAt });
    return { id, offset: 0 };
  }

  /** Status of an upload (end-13). */
  async status(
    ref: RepoRef,
    caller: Did,
    id: string,
  ): Promise<UploadStatus> {
    const { upload, hold } = await this.#find(ref, caller, id);
    return { id, offset: await offsetOf(hold, upload) };
  }

  /**
   * Appends a chunk (end-5). Throws AppError `RANGE_INVALID` when it does not
   * start at the end of the upload.
   */
  async append(
    ref: RepoRef,
    caller: Did,
    id: string,
    chunk: UploadChunk,
  ): Promise<UploadStatus> {
    const { entry, upload, hold } = await this.#find(ref, caller, id);
    const { body, start, signal } = chunk;
    const offset = await offsetOf(hold, upload);
    requireStart(start, offset);
    const end = await hold.append(upload, offset, body, signal);
    await this.#keep(entry);
    this.#deps.metrics.uploadedBytes.inc(end - offset);
    return { id, offset: end };
  }

  /**
   * Extends the lifetime of an upload that received bytes; most uploads end
   * before that needs a write.
   */
  async #keep({ key, value, versionstamp }: Entry<UploadRow>): Promise<void> {
    const { kv, clock, ttlMs } = this.#deps;
    const now = clock.now();
    if (value.expiresAt - now > ttlMs * NEARLY_ALL) return;
    // One request may take longer than the idle limit of uploads.
    const expired = value.expiresAt <= now;
    const expiresAt = now + ttlMs;
    await kv.atomic()
      .check(key, expired ? null : versionstamp)
      .set(key, { ...value, expiresAt }, { expiresAt })
      .commit();
  }

  /**
   * Appends the last chunk, if any, verifies the digest and makes the blob part
   * of the repository (end-6, 4b). Throws AppError `DIGEST_INVALID`; the upload
   * is deleted then.
   */
  async finish(
    ref: RepoRef,
    caller: Did,
    id: string,
    digest: Digest,
    chunk?: UploadChunk,
  ): Promise<void> {
    const { kv } = this.#deps;
    const key = registryKeys.upload(id);
    const blobKey = registryKeys.blob(ref.did, ref.repo, digest);
    // One read for both, because every blob of a push takes this path.
    const [entry, known] = await kv.getMany([key, blobKey]) as [
      Entry<UploadRow> | undefined,
      Entry<BlobRow> | undefined,
    ];
    const { upload, hold } = await this.#open(ref, caller, entry);
    let size: number;
    try {
      size = await this.#complete(hold, upload, digest, chunk);
    } catch (error) {
      if (isAppError(error, "DIGEST_INVALID")) await kv.delete(key);
      throw error;
    }
    const change = kv.atomic().delete(key);
    putFirst(change, ref, hold.did, { digest, size }, known?.value);
    await change.commit();
  }

  /**
   * Receives a whole blob in one request (end-4b); throws like
   * {@linkcode finish}. On failure the upload is deleted, because the client
   * does not know its id.
   */
  async pushWhole(
    ref: RepoRef,
    caller: Did,
    holdDid: Did,
    digest: Digest,
    chunk?: UploadChunk,
  ): Promise<void> {
    const { holds, log } = this.#deps;
    const hold = await holds.get(holdDid);
    await requireWrite(hold, caller);
    const { algorithm } = digestParts(digest);
    const uploadId = await hold.startUpload(caller, algorithm);
    const upload = { uploadId, caller, algorithm };
    let size: number;
    try {
      size = await this.#complete(hold, upload, digest, chunk);
    } catch (error) {
      await hold.abortUpload(upload).catch((cause) =>
        // Deleted already, or left to the sweep: report the original failure.
        log.debug("upload not dropped", { holdDid, cause })
      );
      throw error;
    }
    await this.#deps.blobs.prove(ref, holdDid, [{ digest, size }]);
  }

  /** Deletes an upload and its bytes (end-14). */
  async cancel(ref: RepoRef, caller: Did, id: string): Promise<void> {
    const { upload, hold } = await this.#find(ref, caller, id);
    await hold.abortUpload(upload);
    await this.#deps.kv.delete(registryKeys.upload(id));
  }

  /** Appends the last chunk, if any, and completes the upload; returns the blob's size. */
  async #complete(
    hold: HoldClient,
    upload: UploadRef,
    digest: Digest,
    chunk: UploadChunk | undefined,
  ): Promise<number> {
    if (!chunk) return (await hold.completeUpload(upload, digest)).size;
    const { start, ...last } = chunk;
    const { size, received } = await hold.completeUpload(upload, digest, {
      ...last,
      ...(start === undefined ? {} : { offset: start }),
    });
    this.#deps.metrics.uploadedBytes.inc(received);
    return size;
  }

  /** The upload, if it is one of `caller` to `ref`; anything else looks like "no such upload". */
  async #find(
    ref: RepoRef,
    caller: Did,
    id: string,
  ): Promise<
    { entry: Entry<UploadRow>; upload: UploadRef; hold: HoldClient }
  > {
    const key = registryKeys.upload(id);
    return await this.#open(ref, caller, await this.#deps.kv.get(key));
  }

  async #open(
    ref: RepoRef,
    caller: Did,
    entry: Entry<UploadRow> | undefined,
  ): Promise<
    { entry: Entry<UploadRow>; upload: UploadRef; hold: HoldClient }
  > {
    const row = entry?.value;
    if (
      !row || row.caller !== caller || row.did !== ref.did ||
      row.repo !== ref.repo
    ) {
      throw unknownUpload();
    }
    const { holdUploadId: uploadId, algorithm } = row;
    const hold = await this.#deps.holds.get(row.holdDid);
    return { entry, upload: { uploadId, caller, algorithm }, hold };
  }
}

/** Bytes acknowledged so far. Throws AppError `BLOB_UPLOAD_UNKNOWN`. */
async function offsetOf(hold: HoldClient, upload: UploadRef): Promise<number> {
  const offset = await hold.uploadOffset(upload);
  if (offset === undefined) throw unknownUpload();
  return offset;
}

/** Throws AppError `RANGE_INVALID` when a chunk does not start at the end of the upload. */
function requireStart(start: number | undefined, offset: number): void {
  if (start === undefined || start === offset) return;
  throw new AppError(
    "RANGE_INVALID",
    `The chunk begins at byte ${start}, but the upload stands at byte ${offset}. Send the chunk that begins there.`,
    { detail: { offset } },
  );
}

function unknownUpload(): AppError {
  return new AppError(
    "BLOB_UPLOAD_UNKNOWN",
    "There is no such upload: it was finished, cancelled or has expired. Start a new one.",
  );
}
