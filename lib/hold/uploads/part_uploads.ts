/**
 * Uploads in numbered parts, in any order: directly to the store by signed
 * URLs, or through the hold.
 *
 * @module
 */

import { timingSafeEqual } from "node:crypto";
import type { Did } from "../../did.ts";
import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import type { BlobStore, Multipart } from "../../storage/blob_store.ts";
import { BodyReader } from "./body_reader.ts";
import { mixedModes, unknownUpload } from "./upload_errors.ts";
import type { UploadRow } from "./upload_row.ts";
import type { UploadRows } from "./upload_rows.ts";
import type { UploadWork } from "./upload_work.ts";

/** A request that writes one part. */
export interface PartUrl {
  readonly url: string;
  readonly method: string;
  /** Headers to send unchanged. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Header that carries the ticket of {@linkcode PartUploads.url}. */
export const TICKET_HEADER = "X-Upload-Ticket";

const URL_SECONDS = 15 * 60;

export interface PartUploadsDeps {
  store: BlobStore;
  uploads: UploadRows;
  work: UploadWork;
  clock: Clock;
  /** Public origin of the hold. */
  baseUrl: string;
  /** Whether parts may go directly to the store if it can sign URLs. */
  presign: boolean;
  /** Idle time after which an upload expires, in milliseconds. */
  ttlMs: number;
}

/** Receives parts. */
export class PartUploads {
  readonly #deps: PartUploadsDeps;

  constructor(deps: PartUploadsDeps) {
    this.#deps = deps;
  }

  /**
   * Stores one numbered part, in any order; a repeated part replaces the
   * earlier one. Throws AppError `INVALID_REQUEST` for a number out of range,
   * else like `HoldUploads.append`.
   */
  async put(
    uploadId: string,
    partNumber: number,
    body: ReadableStream<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<{ etag: string }> {
    const { store, clock, work, ttlMs } = this.#deps;
    const { row, multipart } = await this.#open(uploadId, partNumber);
    const request = { uploadId, caller: row.caller, isPart: true };
    return await work.within(request, async (room) => {
      const reader = new BodyReader({
        body,
        hash: undefined,
        clock,
        limit: (bytes) => work.need(room, bytes),
        guard: () => undefined,
        signal,
      });
      const { etag } = await work.receive(reader, { room }, async () => {
        const first = await reader.next() ?? new Uint8Array(0);
        const stream = reader.stream(first);
        return await store.putPart(multipart, partNumber, stream);
      });
      await room.keep(reader.bytes, clock.now() + ttlMs);
      return { etag };
    });
  }

  /**
   * Returns a URL where `caller` may write one part within a quarter of an
   * hour: at the store if it signs URLs, else at the hold. Throws AppError
   * `BLOB_UPLOAD_UNKNOWN` when the upload is not the caller's.
   */
  async url(
    uploadId: string,
    partNumber: number,
    caller: Did,
  ): Promise<PartUrl> {
    const { store, presign, baseUrl, uploads } = this.#deps;
    const found = await uploads.find(uploadId);
    if (found?.caller !== caller) throw unknownUpload();
    const { row, multipart } = await this.#open(uploadId, partNumber);
    if (presign && store.presignPart) {
      await this.#requireRoom(row, multipart);
      return await store.presignPart(multipart, partNumber, {
        expiresInSeconds: URL_SECONDS,
      });
    }
    return {
      url: new URL("/xrpc/io.atcr.hold.uploadPart", baseUrl).href,
      method: "PUT",
      headers: {
        "X-Upload-Id": uploadId,
        "X-Part-Number": String(partNumber),
        [TICKET_HEADER]: row.ticket,
      },
    };
  }

  /** Bytes sent directly to the store are counted before more are admitted. */
  async #requireRoom(row: UploadRow, multipart: Multipart): Promise<void> {
    const { store, clock, work, ttlMs } = this.#deps;
    const { id: uploadId, caller } = row;
    await work.within({ uploadId, caller }, async (room) => {
      if (!room.isLimited) return;
      const parts = await store.listParts(multipart);
      const bytes = parts.reduce((sum, { size }) => sum + size, 0);
      // The requested part has at least one byte.
      await work.need(room, bytes + 1);
      await room.keep(bytes + 1, clock.now() + ttlMs);
    }, "keep");
  }

  /**
   * Returns who opened the upload if `ticket` is the one issued by
   * {@linkcode url}. The caller must check that the account may still push.
   */
  async holder(uploadId: string, ticket: string): Promise<Did | undefined> {
    const row = await this.#deps.uploads.find(uploadId);
    if (!row) return undefined;
    const encoder = new TextEncoder();
    const given = encoder.encode(ticket);
    const wanted = encoder.encode(row.ticket);
    return given.length === wanted.length && timingSafeEqual(given, wanted)
      ? row.caller
      : undefined;
  }

  /** Returns the upload in parts mode, with the store's upload open. */
  async #open(
    uploadId: string,
    partNumber: number,
  ): Promise<{ row: UploadRow; multipart: Multipart }> {
    const { store, uploads, work, clock, ttlMs } = this.#deps;
    const { maxParts } = store.parts;
    if (
      !Number.isInteger(partNumber) || partNumber < 1 || partNumber > maxParts
    ) {
      throw new AppError(
        "INVALID_REQUEST",
        `Part numbers go from 1 to ${maxParts}.`,
        { xrpc: "InvalidPartNumber" },
      );
    }
    const found = await uploads.find(uploadId);
    if (!found || found.done) throw unknownUpload();
    if (found.mode === "stream") throw mixedModes();
    const created = found.multipart ?? await work.create(uploadId);
    const row = await uploads.update(uploadId, (present) => {
      if (present.done) throw unknownUpload();
      if (present.mode === "stream") throw mixedModes();
      // Prevents a long upload from being swept between two parts.
      const stale = present.expiresAt - clock.now() < ttlMs / 2;
      if (present.multipart) return stale ? {} : undefined;
      return { mode: "parts", multipart: created };
    });
    const multipart = row.multipart ?? created;
    // Another request was faster: its store upload is used.
    if (multipart.id !== created.id) await store.abortMultipart(created);
    return { row, multipart };
  }
}
