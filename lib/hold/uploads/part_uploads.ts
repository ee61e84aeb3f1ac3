/**
 * Uploads that come as numbered parts, in any order: straight to the store by
 * signed URLs, or through us.
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
  /** Headers to send as they are. */
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
  /** Origin under which the hold is reached. */
  baseUrl: string;
  /** Whether parts may go straight to the store where it can sign URLs. */
  presign: boolean;
  /** How long an upload may lie untouched, in milliseconds. */
  ttlMs: number;
}

/** Takes parts. */
export class PartUploads {
  readonly #deps: PartUploadsDeps;

  constructor(deps: PartUploadsDeps) {
    this.#deps = deps;
  }

  /**
   * Stores one numbered part, in any order; a part uploaded twice counts once.
   * Throws AppError `INVALID_REQUEST` for a number out of range, else as
   * `HoldUploads.append` does.
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
   * Where `caller` may write one part within a quarter of an hour: straight to
   * the store when it signs URLs, else to us. Throws AppError
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

  /** Bytes that go straight to the store are counted before more are let in. */
  async #requireRoom(row: UploadRow, multipart: Multipart): Promise<void> {
    const { store, clock, work, ttlMs } = this.#deps;
    const { id: uploadId, caller } = row;
    await work.within({ uploadId, caller }, async (room) => {
      if (!room.isLimited) return;
      const parts = await store.listParts(multipart);
      const bytes = parts.reduce((sum, { size }) => sum + size, 0);
      // The part that is asked for has a byte at least.
      await work.need(room, bytes + 1);
      await room.keep(bytes + 1, clock.now() + ttlMs);
    }, "keep");
  }

  /**
   * Who opened the upload, when `ticket` is the one that {@linkcode url} gave
   * out for it. Whether they may still push is the caller's to check.
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

  /** The upload as one of numbered parts, with the store's upload open. */
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
      // A long upload must not be swept between two of its parts.
      const stale = present.expiresAt - clock.now() < ttlMs / 2;
      if (present.multipart) return stale ? {} : undefined;
      return { mode: "parts", multipart: created };
    });
    const multipart = row.multipart ?? created;
    // Another request was faster: its upload of the store counts.
    if (multipart.id !== created.id) await store.abortMultipart(created);
    return { row, multipart };
  }
}
