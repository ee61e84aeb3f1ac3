/**
 * Uploads to a hold over XRPC: the incoming stream is split into parts, each
 * sent to a URL given by the hold. One part is sent while the next one is
 * filled, so at most two are in memory. Bytes that do not fill a part are
 * stored in KV, so that any instance can continue.
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
  /** Idle time after which an upload expires, in milliseconds. */
  ttlMs: number;
  /** Size of every part but the last in bytes; 8 MiB by default. */
  partBytes?: number;
}

/** An upload while bytes are added to it. */
interface Progress {
  readonly holdUploadId: string;
  readonly parts: PartRef[];
  offset: number;
}

const HOLD = "io.atcr.hold";

/** S3 requires at least 5 MiB, and a tail must fit into KV. */
const PART_BYTES = 8 * 1024 * 1024;

/** Maximum parts of one upload: S3's limit. */
const MAX_PARTS = 10_000;

/** Time after which an upload whose worker died can be continued, in milliseconds. */
const LEASE_MS = 30_000;

/** Attempts of one part or of the completion while hold or storage fail. */
const ATTEMPTS = 4;

/** How long to wait for a hold that is still verifying an earlier completion, in milliseconds. */
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
      // The digest is not known yet; the hold only needs a name.
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

  /** Appends a stream atomically; see `HoldClient.append`. */
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
   * Sends the remaining bytes and lets the hold verify the digest. Throws
   * AppError `DIGEST_INVALID`; the upload is deleted then.
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

  /** Deletes the upload here and at the hold. */
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

  /** Sends `head` and `body` in parts; returns bytes that do not fill a part. */
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
          // Its failure is reported at the next part or at the end.
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
        // A new URL for each attempt: the previous one may have expired.
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
        // Completing is idempotent; while the first call is still running, the
        // hold returns a conflict.
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

/** Whether a retry may succeed. */
function isPassing(error: unknown): boolean {
  return isAppError(
    error,
    "UPSTREAM_FAILED",
    "UPSTREAM_TIMEOUT",
    "UNAVAILABLE",
  );
}
