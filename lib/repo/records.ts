/**
 * Reads records.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Kv, ListSelector } from "../kv/kv.ts";
import type { RepoKeys } from "./kv_keys.ts";
import { assertCollection, assertRkey, recordUri } from "./path.ts";
import { decodeRecord, type RecordValue } from "./record_data.ts";
import type { RecordRow } from "./rows.ts";

/** A record with its path. */
export interface StoredRecord {
  readonly uri: string;
  readonly collection: string;
  readonly rkey: string;
  readonly cid: string;
  /** Plain JSON, with `$type`. */
  readonly value: RecordValue;
}

/** A page of records. */
export interface RecordPage {
  readonly records: readonly StoredRecord[];
  /** Cursor of the next page; undefined on the last page. */
  readonly cursor: string | undefined;
}

/** Options of a listing. */
export interface ListRecordsOptions {
  /** Record key of the last record of the previous page. */
  readonly cursor?: string;
  /** 1 to 1,000; 50 by default. */
  readonly limit?: number;
  /** Lowest key first; highest first by default. */
  readonly reverse?: boolean;
}

/** Reads the records of one repo. */
export class RecordReader {
  readonly #did: Did;
  readonly #kv: Kv;
  readonly #keys: RepoKeys;

  constructor(deps: { did: Did; kv: Kv; keys: RepoKeys }) {
    this.#did = deps.did;
    this.#kv = deps.kv;
    this.#keys = deps.keys;
  }

  /** The record, or undefined when there is none. Throws AppError `INVALID_REQUEST` for bad names. */
  async get(
    collection: string,
    rkey: string,
  ): Promise<StoredRecord | undefined> {
    assertCollection(collection);
    assertRkey(rkey);
    const row = await this.#kv.get<RecordRow>(
      this.#keys.record(collection, rkey),
    );
    return row && this.#record(collection, rkey, row.value);
  }

  /** One page of a collection. Throws AppError `INVALID_REQUEST` for a bad collection or cursor. */
  async list(
    collection: string,
    options: ListRecordsOptions = {},
  ): Promise<RecordPage> {
    const { cursor, reverse = false } = options;
    const limit = Math.min(Math.max(options.limit ?? 50, 1), 1000);
    assertCollection(collection);
    if (cursor !== undefined) assertRkey(cursor);
    const records: StoredRecord[] = [];
    // One more, to know whether there is another page.
    const rows = this.#kv.list<RecordRow>(
      this.#selector(collection, cursor, reverse),
      { limit: limit + 1, reverse: !reverse },
    );
    for await (const { key, value } of rows) {
      records.push(this.#record(collection, String(key.at(-1)), value));
    }
    if (records.length <= limit) return { records, cursor: undefined };
    records.length = limit;
    return { records, cursor: records.at(-1)?.rkey };
  }

  /** All records of a collection, lowest key first. */
  async *all(collection: string): AsyncGenerator<StoredRecord> {
    assertCollection(collection);
    const rows = this.#kv.list<RecordRow>({
      prefix: this.#keys.collection(collection),
    });
    for await (const { key, value } of rows) {
      yield this.#record(collection, String(key.at(-1)), value);
    }
  }

  /** The collections with at least one record, in the order of their names. */
  async collections(): Promise<string[]> {
    const found: string[] = [];
    for (;;) {
      const last = found.at(-1);
      const prefix = this.#keys.records;
      const rows = this.#kv.list<RecordRow>(
        last === undefined
          ? { prefix }
          : { prefix, start: this.#keys.collection(`${last}\0`) },
        { limit: 1 },
      );
      const next = await rows.next();
      if (next.done) return found;
      found.push(String(next.value.key.at(-2)));
    }
  }

  #record(collection: string, rkey: string, row: RecordRow): StoredRecord {
    return {
      uri: recordUri(this.#did, collection, rkey),
      collection,
      rkey,
      cid: row.cid,
      value: decodeRecord(row.bytes),
    };
  }

  #selector(
    collection: string,
    cursor: string | undefined,
    rising: boolean,
  ): ListSelector {
    const prefix = this.#keys.collection(collection);
    if (cursor === undefined) return { prefix };
    return rising
      ? { prefix, start: this.#keys.record(collection, `${cursor}\0`) }
      : { prefix, end: this.#keys.record(collection, cursor) };
  }
}
