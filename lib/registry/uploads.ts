/**
 * Blob uploads: from the first POST to the readable blob. The bytes go to the
 * owner's hold. The id of an upload says what any instance needs to continue
 * it; a row exists only where something changed since.
 *
 * @module
 */

import type { Did } from "../did.ts";
import { AppError, isAppError } from "../errors.ts";
import type { Clock } from "../clock.ts";
import type { Key, Kv } from "../kv/kv.ts";
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
import { firstRows } from "./blob_index.ts";
import { UploadTurns } from "./upload_turns.ts";
import { requireWrite } from "./holds.ts";
import { joinRows } from "../kv/joined_rows.ts";
import { registryKeys } from "./kv_keys.ts";
import type { RepoRef } from "./manifests/manifest_index.ts";
import type { BlobRow, UploadRow } from "./rows.ts";
import type { UploadIds } from "./upload_ids.ts";

export interface UploadsDeps {
  kv: Kv;
  clock: Clock;
  holds: HoldDirectory;
  ids: UploadIds;
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

/** An upload with what was stored about it since. */
interface Found {
  readonly upload: UploadRef;
  readonly hold: HoldClient;
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt: number;
  readonly key: Key;
  readonly versionstamp: string | null;
}

/** Runs uploads of blobs (distribution-spec, "Pushing Blobs"). */
export class Uploads {
  readonly #deps: UploadsDeps;
  readonly #turns: UploadTurns;

  constructor(deps: UploadsDeps) {
    this.#deps = deps;
    this.#turns = new UploadTurns(deps.clock);
  }

  /** Opens an upload of `caller` to `holdDid` (end-4a, 4b, 4c). */
  async start(
    ref: RepoRef,
    caller: Did,
    holdDid: Did,
    algorithm: DigestAlgorithm,
  ): Promise<UploadStatus> {
    const { ids, clock, holds, ttlMs } = this.#deps;
    const hold = await holds.get(holdDid);
    await requireWrite(hold, caller);
    const holdUploadId = await hold.startUpload(caller, algorithm);
    const expiresAt = clock.now() + ttlMs;
    const opened = { holdDid, holdUploadId, algorithm, expiresAt };
    return { id: ids.issue(ref, caller, opened), offset: 0 };
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
   * start at the end of the upload, `BUSY` while another request works on it.
   */
  async append(
    ref: RepoRef,
    caller: Did,
    id: string,
    chunk: UploadChunk,
  ): Promise<UploadStatus> {
    const found = await this.#find(ref, caller, id);
    const { upload, hold } = found;
    const { start, signal } = chunk;
    return await this.#turns.run(id, chunk.body, async (body = chunk.body) => {
      const offset = await offsetOf(hold, upload);
      requireStart(start, offset);
      const end = await hold.append(upload, offset, body, signal);
      await this.#keep(found);
      this.#deps.metrics.uploadedBytes.inc(end - offset);
      return { id, offset: end };
    });
  }

  /**
   * Extends the lifetime of an upload that received bytes; most uploads end
   * before that needs a write. One that was cancelled meanwhile stays so.
   */
  async #keep({ key, versionstamp, expiresAt: end }: Found): Promise<void> {
    const { kv, clock, ttlMs } = this.#deps;
    const now = clock.now();
    if (end - now > ttlMs * NEARLY_ALL) return;
    // One request may take longer than the idle limit of uploads.
    const expired = end <= now;
    const expiresAt = now + ttlMs;
    const row: UploadRow = { expiresAt };
    await kv.atomic()
      .check(key, expired ? null : versionstamp)
      .set(key, row, { expiresAt })
      .commit();
  }

  /**
   * Appends the last chunk, if any, verifies the digest and makes the blob part
   * of the repository (end-6, 4b). Throws AppError `DIGEST_INVALID`; the upload
   * is deleted then. Throws `BUSY` while another request works on it.
   */
  async finish(
    ref: RepoRef,
    caller: Did,
    id: string,
    digest: Digest,
    chunk?: UploadChunk,
  ): Promise<void> {
    const found = await this.#find(ref, caller, id);
    const { upload, hold } = found;
    try {
      await this.#turns.run(id, chunk?.body, (body) => {
        const last = chunk && body ? { ...chunk, body } : undefined;
        return this.#complete(ref, hold, upload, digest, last);
      });
    } catch (error) {
      if (isAppError(error, "DIGEST_INVALID")) await this.#end(found);
      throw error;
    }
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
    try {
      await this.#complete(ref, hold, upload, digest, chunk);
    } catch (error) {
      await hold.abortUpload(upload).catch((cause) =>
        // Deleted already, or left to the sweep: report the original failure.
        log.debug("upload not dropped", { holdDid, cause })
      );
      throw error;
    }
  }

  /** Deletes an upload and its bytes (end-14). */
  async cancel(ref: RepoRef, caller: Did, id: string): Promise<void> {
    const found = await this.#find(ref, caller, id);
    await found.hold.abortUpload(found.upload);
    await this.#end(found);
  }

  /** Makes the id of an upload invalid. */
  async #end({ key, expiresAt }: Found): Promise<void> {
    const { kv, clock, ttlMs } = this.#deps;
    const row: UploadRow = { expiresAt, ended: true };
    // A request that runs now may extend it once more.
    const until = Math.max(expiresAt, clock.now() + ttlMs);
    await kv.set(key, row, { expiresAt: until });
  }

  /** Appends the last chunk, if any, completes the upload and adds the blob to the repository. */
  async #complete(
    ref: RepoRef,
    hold: HoldClient,
    upload: UploadRef,
    digest: Digest,
    chunk: UploadChunk | undefined,
  ): Promise<void> {
    const { kv, metrics } = this.#deps;
    const key = registryKeys.blob(ref.did, ref.repo, digest);
    const known = await kv.get<BlobRow>(key);
    const link = (size: number) =>
      firstRows(ref, hold.did, { digest, size }, known?.value);
    const { size, received, linked } = await hold.completeUpload(
      upload,
      digest,
      chunk && bytesOf(chunk),
      link,
    );
    if (received > 0) metrics.uploadedBytes.inc(received);
    if (linked) return;
    const change = kv.atomic();
    joinRows(change, link(size));
    await change.commit();
  }

  /** The upload, if it is one of `caller` to `ref`; anything else looks like "no such upload". */
  async #find(ref: RepoRef, caller: Did, id: string): Promise<Found> {
    const { ids, kv, clock, holds } = this.#deps;
    const opened = ids.read(ref, caller, id);
    if (!opened) throw unknownUpload();
    const { holdDid, holdUploadId: uploadId, algorithm } = opened;
    const key = registryKeys.upload(holdDid, uploadId);
    const entry = await kv.get<UploadRow>(key);
    const expiresAt = entry?.value.expiresAt ?? opened.expiresAt;
    if (entry?.value.ended || expiresAt <= clock.now()) throw unknownUpload();
    return {
      upload: { uploadId, caller, algorithm },
      hold: await holds.get(holdDid),
      expiresAt,
      key,
      versionstamp: entry?.versionstamp ?? null,
    };
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

function bytesOf({ start, ...bytes }: UploadChunk): RequestBytes {
  return start === undefined ? bytes : { ...bytes, offset: start };
}

function unknownUpload(): AppError {
  return new AppError(
    "BLOB_UPLOAD_UNKNOWN",
    "There is no such upload: it was finished, cancelled or has expired. Start a new one.",
  );
}
