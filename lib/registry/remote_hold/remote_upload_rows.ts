/**
 * State of uploads to remote holds in KV, so that any instance can continue
 * them.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import type { PartRef } from "../../hold_api/hold_client.ts";
import type { Kv } from "../../kv/kv.ts";
import { LargeValues } from "../../kv/large_value.ts";
import { registryKeys } from "../kv_keys.ts";

/** State of an upload. */
export interface RemoteUploadRow {
  /** The hold's own id. */
  readonly holdUploadId: string;
  /** Bytes acknowledged, including the tail. */
  readonly offset: number;
  /** Bytes of the tail, which do not fill a part yet. */
  readonly tail: number;
  readonly parts: readonly PartRef[];
}

export interface RemoteUploadRowsDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  /** Idle time after which an upload expires, in milliseconds. */
  readonly ttlMs: number;
}

/** Stores the rows with their tails. */
export class RemoteUploadRows {
  readonly #values: LargeValues;
  readonly #deps: RemoteUploadRowsDeps;

  constructor(deps: RemoteUploadRowsDeps) {
    this.#deps = deps;
    this.#values = new LargeValues(deps.kv, deps.clock);
  }

  /** The row; undefined when there is no such upload. */
  async find(id: string): Promise<RemoteUploadRow | undefined> {
    // The list of parts may exceed one KV value, so the row is stored as a large JSON value.
    const bytes = await this.#values.get(registryKeys.remoteUpload(id));
    return bytes && JSON.parse(new TextDecoder().decode(bytes));
  }

  /** The row. Throws AppError `BLOB_UPLOAD_UNKNOWN`. */
  async require(id: string): Promise<RemoteUploadRow> {
    const row = await this.find(id);
    if (row) return row;
    throw unknownUpload();
  }

  /** The bytes of the tail. Throws AppError `BLOB_UPLOAD_UNKNOWN` when they are missing. */
  async tail(
    id: string,
    row: RemoteUploadRow,
  ): Promise<Uint8Array<ArrayBuffer>> {
    if (row.tail === 0) return new Uint8Array(0);
    const tail = await this.#values.get(registryKeys.remoteTail(id));
    if (!tail || tail.length < row.tail) throw unknownUpload();
    return tail.slice(0, row.tail);
  }

  /** Writes the row, and its tail before it. */
  async save(
    id: string,
    row: RemoteUploadRow,
    tail: Uint8Array,
  ): Promise<void> {
    const expiresAt = this.#deps.clock.now() + this.#deps.ttlMs;
    if (tail.length > 0) {
      const key = registryKeys.remoteTail(id);
      await this.#values.set(key, tail, { expiresAt });
    }
    const bytes = new TextEncoder().encode(JSON.stringify(row));
    const key = registryKeys.remoteUpload(id);
    await this.#values.set(key, bytes, { expiresAt });
  }

  /** Removes the row with its tail. */
  async remove(id: string): Promise<void> {
    await this.#values.delete(registryKeys.remoteUpload(id));
    await this.#values.delete(registryKeys.remoteTail(id));
  }
}

function unknownUpload(): AppError {
  return new AppError(
    "BLOB_UPLOAD_UNKNOWN",
    "There is no such upload: it was finished, cancelled or has expired. Start a new one.",
  );
}
