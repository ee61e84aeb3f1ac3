/**
 * Uploads to a hold over XRPC: the incoming stream is cut into parts, each sent
 * where the hold says. One part is on its way while the next one fills, so that
 * at most two are in memory. What is too short for a part waits in KV, so that
 * any instance can go on.
 *
 * @module
 */

import { z } from "zod";
import type { Did } from "../../did.ts";
import type { Clock } from "../../clock.ts";
import { AppError, isAppError } from "../../errors.ts";
import type { PartRef } from "../../hold_api/hold_client.ts";
import type { Kv } from "../../kv/kv.ts";
import { acquireLease } from "../../kv/lease.ts";
import type { Digest } from "../../oci/digest.ts";
import type { RemoteCalls } from "./remote_calls.ts";
import {
  type RemoteUploadRow,
  RemoteUploadRows,
} from "./remote_upload_rows.ts";

export interface RemoteUploadsDeps {
  kv: Kv;
  clock: Clock;
  calls: RemoteCalls;
  /** How long an upload may lie idle, in milliseconds. */
  ttlMs: number;
  /** Bytes of every part but the last; 8 MiB by default. */
  partBytes?: number;
}

/** An upload while bytes are added to it. */
interface Progress {
  readonly holdUploadId: string;
  readonly parts: PartRef[];
  offset: number;
}

const HOLD = "io.atcr.hold";

/** S3 wants 5 MiB at least, and a tail has to fit into KV. */
const PART_BYTES = 8 * 1024 * 1024;

/** Most parts of one upload: S3's limit. */
const MAX_PARTS = 10_000;

/** An upload whose worker died can be gone on with after so long, in milliseconds. */
const LEASE_MS = 30_000;

/** Tries of one part or of the completion while hold or storage are in trouble. */
const ATTEMPTS = 4;

/** How long to wait for a hold that still verifies what an earlier call completed, in milliseconds. */
const VERIFYING_MS = 30 * 60_000;

const initiated = z.object({ uploadId: z.string().min(1).max(256) });
const partTarget = z.object({
  url: z.url().max(8_192),
  method: z.enum(["PUT", "POST"]).default("PUT"),
  headers: z.record(z.string().max(256), z.string().max(4_096)).default({}),
});
const anything = z.unknown();

/** Runs uploads to one remote hold. */
export class RemoteUploads {
  readonly #deps: RemoteUploadsDeps;
  readonly #rows: RemoteUploadRows;
  readonly #partBytes: number;

  constructor(deps: RemoteUploadsDeps) {
    this.#deps = deps;
    this.#rows = new RemoteUploadRows(deps);
    this.#partBytes = deps.partBytes ?? PART_BYTES;
  }

  /** Opens an upload and returns our id of it. */
  async start(caller: Did): Promise<string> {
    const id = crypto.randomUUID();
    const { uploadId } = await this.#deps.calls.procedure(
      caller,
      `${HOLD}.initiateUpload`,
      // The digest is not known yet; the hold only needs a name for the bytes.
      { digest: `uploads/temp-${id}` },
      initiated,
    );
    const row = { holdUploadId: uploadId, offset: 0, tail: 0, parts: [] };
    await this.#rows.save(id, row, new Uint8Array(0));
    return id;
  }

  /** Bytes acknowledged so far; undefined when there is no such upload. */
  async offset(id: string): Promise<number | undefined> {
    return (await this.#rows.find(id))?.offset;
  }

  /** Appends a stream, whole or not at all; see `HoldClient.append`. */
  append(
    caller: Did,
    id: string,
    offset: number,
    body: ReadableStream<Uint8Array>,
  ): Promise<number> {
    return this.#alone(id, async () => {
      const row = await this.#rows.require(id);
      if (row.offset !== offset) {
        throw new AppError(
          "RANGE_INVALID",
          `The upload stands at byte ${row.offset}, not at byte ${offset}.`,
          { detail: { offset: row.offset } },
        );
      }
      const tail = await this.#rows.tail(id, row);
      const { holdUploadId, parts } = row;
      const progress = { holdUploadId, parts: [...parts], offset };
      const rest = await this.#cut(caller, progress, tail, body);
      await this.#rows.save(id, { ...progress, tail: rest.length }, rest);
      return progress.offset;
    });
  }

  /**
   * Sends what is left and lets the hold verify the digest. Throws AppError
   * `DIGEST_INVALID`; the upload is gone then.
   */
  complete(
    caller: Did,
    id: string,
    digest: Digest,
  ): Promise<{ size: number }> {
    return this.#alone(id, async () => {
      const row = await this.#rows.require(id);
      const { holdUploadId: uploadId, offset: size } = row;
      const parts = [...row.parts];
      if (row.tail > 0 || parts.length === 0) {
        const rest = await this.#rows.tail(id, row);
        parts.push(await this.#send(caller, row, rest));
      }
      try {
        await this.#finish(caller, { uploadId, digest, parts });
      } catch (error) {
        if (isAppError(error, "DIGEST_INVALID", "BLOB_UPLOAD_UNKNOWN")) {
          await this.#rows.remove(id);
        }
        throw error;
      }
      await this.#rows.remove(id);
      return { size };
    });
  }

  /** Drops the upload here and at the hold. */
  async abort(caller: Did, id: string): Promise<void> {
    const row = await this.#rows.find(id);
    if (!row) return;
    try {
      await this.#deps.calls.procedure(
        caller,
        `${HOLD}.abortUpload`,
        { uploadId: row.holdUploadId },
        anything,
      );
    } catch (error) {
      if (!isAppError(error, "BLOB_UPLOAD_UNKNOWN")) throw error;
    }
    await this.#rows.remove(id);
  }

  /** Sends `head` and `body` in parts; what is too short for one is returned. */
  async #cut(
    caller: Did,
    row: Progress,
    head: Uint8Array<ArrayBuffer>,
    body: ReadableStream<Uint8Array>,
  ): Promise<Uint8Array<ArrayBuffer>> {
    let buffer = new Uint8Array(this.#partBytes);
    buffer.set(head);
    let filled = head.length;
    let onItsWay: Promise<void> = Promise.resolve();
    const send = async (bytes: Uint8Array<ArrayBuffer>) => {
      row.parts.push(await this.#send(caller, row, bytes));
    };
    try {
      for await (const chunk of body) {
        for (let at = 0; at < chunk.length;) {
          const piece = chunk.subarray(at, at + buffer.length - filled);
          buffer.set(piece, filled);
          filled += piece.length;
          at += piece.length;
          row.offset += piece.length;
          if (filled < buffer.length) continue;
          await onItsWay;
          onItsWay = send(buffer);
          // Its failure is told at the next part or at the end.
          onItsWay.catch(() => {});
          buffer = new Uint8Array(this.#partBytes);
          filled = 0;
        }
      }
    } finally {
      await onItsWay;
    }
    return buffer.slice(0, filled);
  }

  async #send(
    caller: Did,
    row: Pick<RemoteUploadRow, "holdUploadId" | "parts">,
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<PartRef> {
    const { calls } = this.#deps;
    const partNumber = row.parts.length + 1;
    if (partNumber > MAX_PARTS) {
      throw new AppError(
        "TOO_LARGE",
        `The blob is larger than ${
          MAX_PARTS * this.#partBytes
        } bytes, the limit for holds of others.`,
      );
    }
    const input = { uploadId: row.holdUploadId, partNumber };
    const nsid = `${HOLD}.getPartUploadUrl`;
    for (let attempt = 1;; attempt++) {
      try {
        // A fresh URL for each try: the one before may have expired.
        const to = await calls.procedure(caller, nsid, input, partTarget);
        return { partNumber, etag: await calls.sendPart(caller, to, bytes) };
      } catch (error) {
        if (attempt === ATTEMPTS || !isPassing(error)) throw error;
        await this.#pause(attempt);
      }
    }
  }

  async #finish(caller: Did, input: unknown): Promise<void> {
    const { calls, clock } = this.#deps;
    const nsid = `${HOLD}.completeUpload`;
    const giveUpAt = clock.now() + VERIFYING_MS;
    for (let attempt = 1; attempt <= ATTEMPTS;) {
      try {
        await calls.procedure(caller, nsid, input, anything);
        return;
      } catch (error) {
        // Completing twice is as good as once; while the first call still
        // runs, the hold says so.
        const verifying = isAppError(error, "CONFLICT") &&
          clock.now() < giveUpAt;
        if (!verifying && (attempt === ATTEMPTS || !isPassing(error))) {
          throw error;
        }
        if (!verifying) attempt++;
        await this.#pause(attempt);
      }
    }
  }

  async #pause(attempt: number): Promise<void> {
    const { clock } = this.#deps;
    await clock.sleep(250 * 2 ** attempt * (0.5 + Math.random()));
  }

  /** Runs `work` while no other request works on the upload. */
  async #alone<T>(id: string, work: () => Promise<T>): Promise<T> {
    const { kv, clock } = this.#deps;
    const lease = await acquireLease(kv, clock, `remote upload ${id}`, {
      ttlMs: LEASE_MS,
    });
    if (!lease) {
      throw new AppError(
        "CONFLICT",
        "Another request is working on this upload; wait for it, then ask where the upload stands.",
        { retryAfterSeconds: 1 },
      );
    }
    try {
      return await work();
    } finally {
      await lease.release();
    }
  }
}

/** Whether trying again may help. */
function isPassing(error: unknown): boolean {
  return isAppError(
    error,
    "UPSTREAM_FAILED",
    "UPSTREAM_TIMEOUT",
    "UNAVAILABLE",
  );
}
