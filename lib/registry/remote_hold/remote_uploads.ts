/**
 * Uploads to a hold over XRPC: the incoming stream is split into parts, each
 * sent to a URL given by the hold. Bytes that do not fill a part (the tail) are
 * stored in KV, so that any instance can continue. A request writes only those
 * that it adds, and reads the tail only to send it.
 *
 * @module
 */

import { z } from "zod";
import type { Did } from "../../did.ts";
import type { PartMemory } from "../../async/part_memory.ts";
import type { Clock } from "../../clock.ts";
import { AppError, isAppError } from "../../errors.ts";
import type { PartRef } from "../../hold_api/hold_client.ts";
import type { Kv } from "../../kv/kv.ts";
import { acquireLease } from "../../kv/lease.ts";
import type { Digest } from "../../oci/digest.ts";
import {
  cutIntoParts,
  type CutOptions,
  type CutRest,
  type Head,
  reserveFor,
} from "./remote_cut.ts";
import type { RemoteCalls } from "./remote_calls.ts";
import { RemoteParts } from "./remote_parts.ts";
import { RemoteTails } from "./remote_tails.ts";
import {
  type RemoteUploadRow,
  RemoteUploadRows,
} from "./remote_upload_rows.ts";

export interface RemoteUploadsDeps {
  kv: Kv;
  clock: Clock;
  calls: Pick<RemoteCalls, "procedure" | "sendPart">;
  /** Idle time after which an upload expires, in milliseconds. */
  ttlMs: number;
  /** Memory of the parts of all requests to remote holds. */
  memory: Pick<PartMemory, "reserve">;
  /** Size of every part but the last in bytes; 8 MiB by default. */
  partBytes?: number;
  /** Budgets of tails. */
  tails: RemoteTails;
}

const HOLD = "io.atcr.hold";

/** S3 requires at least 5 MiB. */
const PART_BYTES = 8 * 1024 * 1024;

/** Time after which an upload whose worker died can be continued, in milliseconds. */
const LEASE_MS = 30_000;

const initiated = z.object({ uploadId: z.string().min(1).max(256) });
const anything = z.unknown();

/** Runs uploads to one remote hold. */
export class RemoteUploads {
  readonly #deps: RemoteUploadsDeps;
  readonly #rows: RemoteUploadRows;
  readonly #tails: RemoteTails;
  readonly #parts: RemoteParts;
  readonly #partBytes: number;

  constructor(deps: RemoteUploadsDeps) {
    this.#deps = deps;
    this.#rows = new RemoteUploadRows(deps);
    this.#tails = deps.tails;
    this.#partBytes = deps.partBytes ?? PART_BYTES;
    this.#parts = new RemoteParts({ ...deps, partBytes: this.#partBytes });
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
    await this.#rows.create(id, uploadId);
    return id;
  }

  /** Bytes acknowledged so far; undefined when there is no such upload. */
  async offset(id: string): Promise<number | undefined> {
    return (await this.#rows.find(id))?.value.offset;
  }

  /** Appends a stream atomically; see `HoldClient.append`. */
  append(
    caller: Did,
    id: string,
    offset: number,
    body: ReadableStream<Uint8Array>,
  ): Promise<number> {
    return this.#alone(id, async () => {
      const entry = await this.#rows.require(id);
      const row = entry.value;
      if (row.offset !== offset) {
        throw new AppError(
          "RANGE_INVALID",
          `The upload stands at byte ${row.offset}, not at byte ${offset}.`,
          { detail: { offset: row.offset } },
        );
      }
      const { tail } = row;
      const head: Head = {
        length: tail,
        read: (into) => this.#rows.tail(id, row, into),
      };
      const sent: PartRef[] = [];
      const left = await this.#cut(caller, row, sent, { head, body });
      try {
        const end = offset + left.received;
        const bytes = left.kept + left.rest.length;
        if (bytes > tail) await this.#tails.hold(caller, id, bytes);
        await this.#rows.add(id, entry, { ...left, sent, offset: end });
        if (bytes < tail) await this.#tails.hold(caller, id, bytes);
        return end;
      } finally {
        left.free();
      }
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
      const { value: row } = await this.#rows.require(id);
      const { holdUploadId: uploadId, offset: size } = row;
      const parts = await this.#rows.parts(id, row);
      if (row.tail > 0 || parts.length === 0) {
        parts.push(await this.#sendTail(caller, id, row));
      }
      try {
        await this.#parts.finish(caller, { uploadId, digest, parts });
      } catch (error) {
        if (isAppError(error, "DIGEST_INVALID", "BLOB_UPLOAD_UNKNOWN")) {
          await this.#remove(caller, id);
        }
        throw error;
      }
      await this.#remove(caller, id);
      return { size };
    });
  }

  /** Deletes the upload here and at the hold. */
  async abort(caller: Did, id: string): Promise<void> {
    const row = (await this.#rows.find(id))?.value;
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
    } finally {
      // Also when the hold does not answer: there the upload expires.
      await this.#remove(caller, id);
    }
  }

  /** Sends the tail as the last part. */
  async #sendTail(
    caller: Did,
    id: string,
    row: RemoteUploadRow,
  ): Promise<PartRef> {
    const { memory } = this.#deps;
    const partBytes = this.#partBytes;
    const held = await reserveFor(
      { memory, partBytes },
      row.tail,
      // It is sent already, which takes a limited time.
      { account: caller, evict: () => {} },
    );
    try {
      const rest = await this.#rows.tail(id, row);
      const number = row.parts + 1;
      return await this.#parts.send(caller, row.holdUploadId, number, rest);
    } finally {
      held?.free();
    }
  }

  async #remove(caller: Did, id: string): Promise<void> {
    await this.#tails.hold(caller, id, 0);
    await this.#rows.remove(id);
  }

  /** Sends what fills parts; the number of the first is one above `row.parts`. */
  #cut(
    caller: Did,
    { holdUploadId, parts }: RemoteUploadRow,
    sent: PartRef[],
    { head, body }: Pick<CutOptions, "head" | "body">,
  ): Promise<CutRest> {
    return cutIntoParts({
      ...this.#deps,
      ...{ partBytes: this.#partBytes, head, body, account: caller },
      send: async (bytes) => {
        const number = parts + sent.length + 1;
        const part = this.#parts.send(caller, holdUploadId, number, bytes);
        sent.push(await part);
      },
    });
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
