/**
 * Blob uploads: from the first POST to the readable blob. The bytes go to the
 * owner's hold; the row in KV lets any instance go on with an upload.
 *
 * @module
 */

import type { Did } from "../atproto/identity.ts";
import { AppError, isAppError } from "../errors.ts";
import type { Clock } from "../clock.ts";
import type { Kv } from "../kv/kv.ts";
import type { Metrics } from "../metrics.ts";
import {
  type Digest,
  type DigestAlgorithm,
  digestParts,
} from "../oci/digest.ts";
import type { Caller, HoldClient, HoldDirectory } from "./hold_client.ts";
import { registryKeys } from "./keys.ts";
import type { RepoRef } from "./manifest_index.ts";
import type { BlobRow, UploadRow } from "./rows.ts";

/** What {@linkcode Uploads} needs. */
export interface UploadsDeps {
  kv: Kv;
  clock: Clock;
  holds: HoldDirectory;
  metrics: Metrics;
  /** How long an upload may lie idle from its start, in milliseconds. */
  ttlMs: number;
}

/** An upload as the client sees it. */
export interface UploadStatus {
  id: string;
  /** Bytes acknowledged so far. */
  offset: number;
}

/** Where a blob is mounted from, and as whom the caller reads there. */
export interface MountSource extends RepoRef {
  readonly reader: Caller;
}

/** One piece of an upload. */
export interface UploadChunk {
  body: ReadableStream<Uint8Array>;
  /** Where the client says the piece begins; undefined means "at the end". */
  start?: number;
  signal?: AbortSignal;
}

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
    const row: UploadRow = {
      ...ref,
      caller,
      holdDid,
      holdUploadId: await hold.startUpload(caller, algorithm),
    };
    await kv.set(registryKeys.upload(id), row, {
      expiresAt: clock.now() + ttlMs,
    });
    return { id, offset: 0 };
  }

  /** Where an upload stands (end-13). */
  async status(
    ref: RepoRef,
    caller: Did,
    id: string,
  ): Promise<UploadStatus> {
    const { row, hold } = await this.#find(ref, caller, id);
    const offset = await hold.uploadOffset(caller, row.holdUploadId);
    if (offset === undefined) throw unknownUpload();
    return { id, offset };
  }

  /** Appends a piece (end-5). Throws AppError `RANGE_INVALID` when it does not begin at the end. */
  async append(
    ref: RepoRef,
    caller: Did,
    id: string,
    chunk: UploadChunk,
  ): Promise<UploadStatus> {
    const { row, hold } = await this.#find(ref, caller, id);
    return { id, offset: await this.#append(hold, row, chunk) };
  }

  /**
   * Appends the last piece, if any, verifies the digest and makes the blob
   * part of the repository (end-6, 4b). Throws AppError `DIGEST_INVALID`; the
   * upload is gone then.
   */
  async finish(
    ref: RepoRef,
    caller: Did,
    id: string,
    digest: Digest,
    chunk?: UploadChunk,
  ): Promise<void> {
    const { kv } = this.#deps;
    const { row, hold } = await this.#find(ref, caller, id);
    if (chunk) await this.#append(hold, row, chunk);
    let size: number;
    try {
      ({ size } = await hold.completeUpload(caller, row.holdUploadId, digest));
    } catch (error) {
      if (error instanceof AppError && error.code === "DIGEST_INVALID") {
        await kv.delete(registryKeys.upload(id));
      }
      throw error;
    }
    const blob: BlobRow = { holdDid: row.holdDid, size };
    await kv.atomic()
      .set(registryKeys.blob(ref.did, ref.repo, digest), blob)
      .delete(registryKeys.upload(id))
      .commit();
  }

  /**
   * Takes a whole blob with one request (end-4b); throws as {@linkcode finish}
   * does. When that fails nothing is left, because the client could not name it.
   */
  async pushWhole(
    ref: RepoRef,
    caller: Did,
    holdDid: Did,
    digest: Digest,
    chunk?: UploadChunk,
  ): Promise<void> {
    const { algorithm } = digestParts(digest);
    const { id } = await this.start(ref, caller, holdDid, algorithm);
    try {
      await this.finish(ref, caller, id, digest, chunk);
    } catch (error) {
      await this.cancel(ref, caller, id).catch((failure) => {
        // Gone already, or left to the sweep: what matters is why it failed.
        if (!isAppError(failure)) throw failure;
      });
      throw error;
    }
  }

  /** Drops an upload and its bytes (end-14). */
  async cancel(ref: RepoRef, caller: Did, id: string): Promise<void> {
    const { row, hold } = await this.#find(ref, caller, id);
    await hold.abortUpload(caller, row.holdUploadId);
    await this.#deps.kv.delete(registryKeys.upload(id));
  }

  /**
   * Makes a blob that the caller may already read part of `ref` without
   * sending it (end-11). False when that cannot be done; why is not told.
   * Without `source` the caller must be able to read all of the hold.
   */
  async mount(
    ref: RepoRef,
    caller: Did,
    holdDid: Did,
    digest: Digest,
    source: MountSource | undefined,
  ): Promise<boolean> {
    const { kv, holds } = this.#deps;
    const hold = await holds.get(holdDid);
    await requireWrite(hold, caller);
    if (source) {
      const key = registryKeys.blob(source.did, source.repo, digest);
      const row = await kv.get<BlobRow>(key);
      // A blob of another hold has to travel: this hold does not have it.
      if (row?.value.holdDid !== holdDid) return false;
    }
    const reader = source ? source.reader : caller;
    if (!(await hold.mayRead(reader)).allowed) return false;
    const found = await hold.stat(reader, digest);
    if (!found) return false;
    const blob: BlobRow = { holdDid, size: found.size };
    await kv.set(registryKeys.blob(ref.did, ref.repo, digest), blob);
    return true;
  }

  async #append(
    hold: HoldClient,
    row: UploadRow,
    chunk: UploadChunk,
  ): Promise<number> {
    const { caller, holdUploadId } = row;
    const offset = await hold.uploadOffset(caller, holdUploadId);
    if (offset === undefined) throw unknownUpload();
    if (chunk.start !== undefined && chunk.start !== offset) {
      throw new AppError(
        "RANGE_INVALID",
        `The chunk begins at byte ${chunk.start}, but the upload stands at byte ${offset}. Send the chunk that begins there.`,
        { detail: { offset } },
      );
    }
    const end = await hold.append(
      caller,
      holdUploadId,
      offset,
      chunk.body,
      chunk.signal,
    );
    this.#deps.metrics.uploadedBytes.inc(end - offset);
    return end;
  }

  /** The upload, if it is one of `caller` to `ref`; anything else looks like "no such upload". */
  async #find(
    ref: RepoRef,
    caller: Did,
    id: string,
  ): Promise<{ row: UploadRow; hold: HoldClient }> {
    const entry = await this.#deps.kv.get<UploadRow>(registryKeys.upload(id));
    const row = entry?.value;
    if (
      !row || row.caller !== caller || row.did !== ref.did ||
      row.repo !== ref.repo
    ) {
      throw unknownUpload();
    }
    return { row, hold: await this.#deps.holds.get(row.holdDid) };
  }
}

function unknownUpload(): AppError {
  return new AppError(
    "BLOB_UPLOAD_UNKNOWN",
    "There is no such upload: it was finished, cancelled or has expired. Start a new one.",
  );
}

async function requireWrite(hold: HoldClient, caller: Did): Promise<void> {
  const decision = await hold.mayWrite(caller);
  if (!decision.allowed) throw new AppError("DENIED", decision.reason);
}
