/**
 * Reads single records, whole collections and the bytes of manifests from
 * owners' repos.
 *
 * @module
 */

import { isValidRecordKey } from "@atproto/syntax";
import type { Hosting } from "../../atproto/hosting/hosting.ts";
import type { Identity } from "../../atproto/identity/identity.ts";
import type { PdsReader } from "../../atproto/pds/pds.ts";
import type { ManifestRecord } from "../../atproto/records/records.ts";
import { AppError, isAppError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { digestOf, digestParts } from "../../oci/digest.ts";

export interface OwnerReaderDeps {
  log: Logger;
  pds: PdsReader;
  /** Consulted when a PDS refuses a request. */
  hosting: Pick<Hosting, "find" | "isAt" | "moved">;
  maxManifestBytes: number;
}

/** A record of a list, with its key. */
export interface ListedRecord {
  readonly rkey: string;
  readonly value: Record<string, unknown>;
}

/** One page of a list. */
export interface RecordPage {
  readonly records: readonly ListedRecord[];
  /** Where the list continues; undefined at its end. */
  readonly next: string | undefined;
}

/** Reads owners' repos; an owner without a PDS has nothing. */
export class OwnerReader {
  readonly #deps: OwnerReaderDeps;

  constructor(deps: OwnerReaderDeps) {
    this.#deps = deps;
  }

  /** One record's value, or undefined when there is none. */
  async record(
    owner: Identity,
    collection: string,
    rkey: string,
    signal?: AbortSignal,
  ): Promise<Record<string, unknown> | undefined> {
    const found = await this.#at(
      owner,
      (pds) =>
        this.#deps.pds.getRecord(pds, owner.did, collection, rkey, signal),
    );
    return found?.value;
  }

  /**
   * Whether the owner's PDS hosts the repo and it is active, so that a record
   * that was not found is deleted.
   */
  isAt(owner: Identity): Promise<boolean> {
    return this.#deps.hosting.isAt(owner);
  }

  /**
   * The records of a collection from `cursor` on, at most 100 per page. A list
   * may be endless: the caller decides when it is enough.
   */
  async *pages(
    owner: Identity,
    collection: string,
    cursor?: string,
  ): AsyncGenerator<RecordPage, void> {
    let next = cursor;
    do {
      const answer = await this.#at(
        owner,
        (pds) =>
          this.#deps.pds.listRecords(pds, owner.did, collection, {
            limit: 100,
            ...(next === undefined ? {} : { cursor: next }),
          }),
      );
      if (!answer) return;
      next = answer.cursor;
      const records = answer.records.map(({ uri, value }) => ({
        rkey: uri.slice(uri.lastIndexOf("/") + 1),
        value,
      })).filter(({ rkey }) => isValidRecordKey(rkey));
      yield { records, next };
    } while (next !== undefined);
  }

  /**
   * The exact bytes of a manifest, verified; undefined when the record has
   * none. Throws AppError `UPSTREAM_FAILED` when they do not match the digest.
   */
  async manifestBytes(
    owner: Identity,
    record: ManifestRecord,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const cid = record.manifestBlob?.ref.$link;
    if (cid === undefined) return undefined;
    const { maxManifestBytes } = this.#deps;
    const blob = await this.#at(
      owner,
      (pds) =>
        this.#deps.pds.getBlob(pds, owner.did, cid, {
          maxBytes: maxManifestBytes,
        }),
    );
    if (!blob) return undefined;
    const { algorithm } = digestParts(record.digest);
    if (digestOf(blob.bytes, algorithm) === record.digest) {
      return new Uint8Array(blob.bytes);
    }
    throw new AppError(
      "UPSTREAM_FAILED",
      `The manifest ${record.digest} in the owner's repo does not have the bytes that its digest promises. Ask the owner to push it again.`,
    );
  }

  /**
   * Queries the owner's PDS; if it refuses or cannot be reached, the one to
   * which the account may have moved. Undefined for an owner without a PDS.
   * Throws AppError `NAME_UNKNOWN` when the account is inactive.
   */
  async #at<T>(
    owner: Identity,
    ask: (pds: string) => Promise<T>,
  ): Promise<T | undefined> {
    if (owner.pds === undefined) return undefined;
    try {
      return await ask(owner.pds);
    } catch (error) {
      const refused = isAppError(error, "UPSTREAM_FAILED");
      if (!refused && !isAppError(error, "UNAVAILABLE")) throw error;
      const { hosting } = this.#deps;
      const now = refused
        ? await hosting.find(owner)
        : await hosting.moved(owner);
      if (now?.pds === undefined) throw error;
      return await ask(now.pds);
    }
  }
}
