/**
 * Uploads to a hold over XRPC: the incoming stream is cut into parts, each sent
 * where the hold says. At most one part is in memory. What is too short for a
 * part waits in KV, so that any instance can go on.
 *
 * @module
 */

import { z } from "zod";
import type { Did } from "../atproto/identity.ts";
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { LargeValues } from "../kv/large_value.ts";
import type { Digest } from "../oci/digest.ts";
import { registryKeys } from "./keys.ts";
import type { RemoteCalls } from "./remote_calls.ts";

/** What {@linkcode RemoteUploads} needs. */
export interface RemoteUploadsDeps {
  values: LargeValues;
  clock: Clock;
  calls: RemoteCalls;
  /** How long an upload may lie idle, in milliseconds. */
  ttlMs: number;
}

interface RemoteUploadRow {
  holdUploadId: string;
  /** Bytes acknowledged, the tail included. */
  offset: number;
  /** Bytes of the tail. */
  tail: number;
  parts: { partNumber: number; etag: string }[];
}

const HOLD = "io.atcr.hold";

/** Size of every part but the last; one is in memory, and a tail of it fits into KV. */
const PART_BYTES = 8 * 1024 * 1024;

/** Most parts of one upload: S3's limit. */
const MAX_PARTS = 10_000;

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

  constructor(deps: RemoteUploadsDeps) {
    this.#deps = deps;
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
    await this.#save(id, row);
    return id;
  }

  /** Bytes acknowledged so far; undefined when there is no such upload. */
  async offset(id: string): Promise<number | undefined> {
    return (await this.#row(id))?.offset;
  }

  /** Appends a stream; see `HoldClient.append`. */
  async append(
    caller: Did,
    id: string,
    offset: number,
    body: ReadableStream<Uint8Array>,
  ): Promise<number> {
    const row = await this.#require(id);
    if (row.offset !== offset) {
      throw new AppError(
        "RANGE_INVALID",
        `The upload stands at byte ${row.offset}, not at byte ${offset}.`,
        { detail: { offset: row.offset } },
      );
    }
    const buffer = new Uint8Array(PART_BYTES);
    let filled = await this.#readTail(id, row, buffer);
    for await (const chunk of body) {
      for (let at = 0; at < chunk.byteLength;) {
        const piece = chunk.subarray(at, at + PART_BYTES - filled);
        buffer.set(piece, filled);
        filled += piece.byteLength;
        at += piece.byteLength;
        row.offset += piece.byteLength;
        if (filled < PART_BYTES) continue;
        row.parts.push(await this.#send(caller, row, buffer));
        filled = 0;
      }
    }
    row.tail = filled;
    if (filled > 0) {
      await this.#deps.values.set(
        registryKeys.remoteTail(id),
        buffer.slice(0, filled),
        { expiresAt: this.#expiry() },
      );
    }
    await this.#save(id, row);
    return row.offset;
  }

  /** Sends what is left and lets the hold verify the digest. */
  async complete(
    caller: Did,
    id: string,
    digest: Digest,
  ): Promise<{ size: number }> {
    const row = await this.#require(id);
    if (row.tail > 0 || row.parts.length === 0) {
      const buffer = new Uint8Array(row.tail);
      await this.#readTail(id, row, buffer);
      row.parts.push(await this.#send(caller, row, buffer));
    }
    await this.#deps.calls.procedure(
      caller,
      `${HOLD}.completeUpload`,
      { uploadId: row.holdUploadId, digest, parts: row.parts },
      anything,
    );
    await this.#forget(id);
    return { size: row.offset };
  }

  /** Drops the upload here and at the hold. */
  async abort(caller: Did, id: string): Promise<void> {
    const row = await this.#row(id);
    if (!row) return;
    await this.#deps.calls.procedure(
      caller,
      `${HOLD}.abortUpload`,
      { uploadId: row.holdUploadId },
      anything,
    );
    await this.#forget(id);
  }

  async #send(
    caller: Did,
    row: RemoteUploadRow,
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<{ partNumber: number; etag: string }> {
    const partNumber = row.parts.length + 1;
    if (partNumber > MAX_PARTS) {
      throw new AppError(
        "TOO_LARGE",
        `The blob is larger than ${
          MAX_PARTS * PART_BYTES
        } bytes, the limit for holds of others.`,
      );
    }
    const target = await this.#deps.calls.procedure(
      caller,
      `${HOLD}.getPartUploadUrl`,
      { uploadId: row.holdUploadId, partNumber },
      partTarget,
    );
    const headers = new Headers(target.headers);
    // Only the hold itself is shown who the caller is.
    if (target.url.startsWith(this.#deps.calls.url(`${HOLD}.uploadPart`))) {
      const proof = await this.#deps.calls.authorization(
        caller,
        `${HOLD}.uploadPart`,
      );
      for (const [name, value] of proof) headers.set(name, value);
    }
    const { url, method } = target;
    const etag = await this.#deps.calls.sendPart(
      { url, method, headers },
      bytes,
    );
    if (etag) return { partNumber, etag };
    throw new AppError(
      "UPSTREAM_FAILED",
      `The hold ${this.#deps.calls.did} took part ${partNumber} without an ETag.`,
    );
  }

  async #readTail(
    id: string,
    row: RemoteUploadRow,
    into: Uint8Array,
  ): Promise<number> {
    if (row.tail === 0) return 0;
    const tail = await this.#deps.values.get(registryKeys.remoteTail(id));
    if (!tail || tail.byteLength < row.tail) throw unknownUpload();
    into.set(tail.subarray(0, row.tail));
    return row.tail;
  }

  // The list of parts may outgrow one KV value, so that the row is kept as JSON.
  async #row(id: string): Promise<RemoteUploadRow | undefined> {
    const bytes = await this.#deps.values.get(registryKeys.remoteUpload(id));
    return bytes && JSON.parse(new TextDecoder().decode(bytes));
  }

  async #require(id: string): Promise<RemoteUploadRow> {
    const row = await this.#row(id);
    if (!row) throw unknownUpload();
    return row;
  }

  async #save(id: string, row: RemoteUploadRow): Promise<void> {
    const bytes = new TextEncoder().encode(JSON.stringify(row));
    await this.#deps.values.set(registryKeys.remoteUpload(id), bytes, {
      expiresAt: this.#expiry(),
    });
  }

  async #forget(id: string): Promise<void> {
    await this.#deps.values.delete(registryKeys.remoteUpload(id));
    await this.#deps.values.delete(registryKeys.remoteTail(id));
  }

  #expiry(): number {
    return this.#deps.clock.now() + this.#deps.ttlMs;
  }
}

function unknownUpload(): AppError {
  return new AppError(
    "BLOB_UPLOAD_UNKNOWN",
    "There is no such upload: it was finished, cancelled or has expired. Start a new one.",
  );
}
