/**
 * Reads what the registry needs from owners' repos: single records, whole
 * collections and the bytes of manifests.
 *
 * @module
 */

import type { Identity } from "../../atproto/identity/identity.ts";
import type { PdsReader } from "../../atproto/pds/pds.ts";
import type { ManifestRecord } from "../../atproto/records/records.ts";
import { AppError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { digestOf, digestParts } from "../../oci/digest.ts";

/** What {@linkcode OwnerReader} needs. */
export interface OwnerReaderDeps {
  log: Logger;
  pds: PdsReader;
  maxManifestBytes: number;
}

/** Pages of 100 records read of one collection; a larger collection is read as far as that. */
const MAX_PAGES = 100;

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
  ): Promise<Record<string, unknown> | undefined> {
    if (owner.pds === undefined) return undefined;
    const { pds } = this.#deps;
    return (await pds.getRecord(owner.pds, owner.did, collection, rkey))?.value;
  }

  /** All records of a collection, up to 10,000. */
  async *list(
    owner: Identity,
    collection: string,
  ): AsyncGenerator<{ rkey: string; value: Record<string, unknown> }> {
    if (owner.pds === undefined) return;
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const answer = await this.#deps.pds.listRecords(
        owner.pds,
        owner.did,
        collection,
        { limit: 100, ...(cursor === undefined ? {} : { cursor }) },
      );
      for (const { uri, value } of answer.records) {
        yield { rkey: uri.slice(uri.lastIndexOf("/") + 1), value };
      }
      cursor = answer.cursor;
      if (cursor === undefined || answer.records.length === 0) return;
    }
    this.#deps.log.warn("collection too large to read whole", {
      did: owner.did,
      collection,
    });
  }

  /**
   * The exact bytes of a manifest, verified; undefined when the record has
   * none. Throws AppError `UPSTREAM_FAILED` when they are not what the digest
   * promises.
   */
  async manifestBytes(
    owner: Identity,
    record: ManifestRecord,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const cid = record.manifestBlob?.ref.$link;
    if (owner.pds === undefined || cid === undefined) return undefined;
    const { pds, maxManifestBytes } = this.#deps;
    const blob = await pds.getBlob(owner.pds, owner.did, cid, {
      maxBytes: maxManifestBytes,
    });
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
}
