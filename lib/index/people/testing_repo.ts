/**
 * The repo of one account at a PDS in memory, as its owner and strangers see it.
 *
 * @module
 */

import { blobCid } from "../../atproto/pds/cids.ts";
import type {
  BlobRef,
  PdsReader,
  PdsSession,
  RepoRecord,
} from "../../atproto/pds/pds.ts";
import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";

const unused = () => Promise.reject(new Error("not used here"));

/** Records by collection and key. */
export class MemoryRepo {
  readonly records = new Map<string, Record<string, unknown>>();
  /** Methods that were called. */
  readonly calls: string[] = [];
  readonly did: Did;
  readonly pds = "https://pds.example.com";
  /** Set: the PDS does not answer. */
  isDown = false;
  #commits = 0;
  readonly #cids = new Map<string, string>();

  constructor(did: Did) {
    this.did = did;
  }

  put(collection: string, rkey: string, value: Record<string, unknown>): void {
    const key = `${collection}/${rkey}`;
    this.records.set(key, value);
    this.#cids.set(key, `cid${++this.#commits}`);
  }

  rkeys(collection: string): string[] {
    return [...this.records.keys()].filter((key) =>
      key.startsWith(`${collection}/`)
    ).map((key) => key.slice(collection.length + 1)).sort();
  }

  get reader(): PdsReader {
    return {
      getRecord: (_pds, _did, collection, rkey) =>
        this.#ask("getRecord", () => this.#record(collection, rkey)),
      listRecords: (_pds, _did, collection, { limit = 100, cursor } = {}) =>
        this.#ask("listRecords", () => {
          const rkeys = this.rkeys(collection)
            .filter((rkey) => cursor === undefined || rkey > cursor)
            .slice(0, limit);
          const records = rkeys.flatMap((rkey) =>
            this.#record(collection, rkey) ?? []
          );
          return { records, cursor: rkeys.at(-1) };
        }),
      listCollections: () =>
        this.#ask("listCollections", () => [
          ...new Set(
            [...this.records.keys()].map((key) => key.split("/")[0] ?? ""),
          ),
        ]),
      hasRepo: unused,
      getBlob: unused,
    };
  }

  get session(): PdsSession {
    return {
      did: this.did,
      pds: this.pds,
      applyWrites: unused,
      serviceToken: unused,
      deleteRecord: (collection, rkey) =>
        this.#ask("deleteRecord", () => {
          this.records.delete(`${collection}/${rkey}`);
        }),
      putRecord: (collection, rkey, value, _signal, swap) =>
        this.#ask("putRecord", () => {
          const key = `${collection}/${rkey}`;
          const there = this.#record(collection, rkey)?.cid ?? null;
          if (swap !== undefined && swap !== there) {
            throw new AppError("CONFLICT", "The record is another one by now.");
          }
          this.put(collection, rkey, value);
          const rev = `3l${String(this.#commits).padStart(11, "2")}`;
          return {
            uri: `at://${this.did}/${key}`,
            cid: this.#cids.get(key) ?? "",
            rev,
          };
        }),
      uploadBlob: (bytes, mimeType) =>
        this.#ask("uploadBlob", (): BlobRef => ({
          $type: "blob",
          ref: { $link: blobCid(bytes) },
          mimeType,
          size: bytes.length,
        })),
    };
  }

  #record(collection: string, rkey: string): RepoRecord | undefined {
    const key = `${collection}/${rkey}`;
    const value = this.records.get(key);
    const cid = this.#cids.get(key) ?? "";
    return value && { uri: `at://${this.did}/${key}`, cid, value };
  }

  #ask<T>(method: string, answer: () => T): Promise<T> {
    this.calls.push(method);
    if (!this.isDown) return Promise.resolve().then(answer);
    return Promise.reject(new AppError("UNAVAILABLE", "It is down."));
  }
}
