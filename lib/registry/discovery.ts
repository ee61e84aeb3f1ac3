/**
 * Images that were pushed elsewhere: records of an owner that this registry
 * has never seen, read from the owner's PDS on first access and indexed here.
 *
 * @module
 */

import type { Did, Identity } from "../atproto/identity.ts";
import type { PdsReader } from "../atproto/pds.ts";
import {
  type ManifestRecord,
  readManifest,
  readTag,
  type TagRecord,
} from "../atproto/records.ts";
import { manifestRkey, tagRkey } from "../atproto/rkeys.ts";
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { Kv } from "../kv/kv.ts";
import type { Logger } from "../log.ts";
import { type Digest, digestOf, digestParts } from "../oci/digest.ts";
import { parseManifest, referencedBlobs } from "../oci/manifest.ts";
import type { ManifestContent } from "./content.ts";
import { registryKeys } from "./keys.ts";
import type { ManifestIndex, RepoRef } from "./manifest_index.ts";
import { manifestRow, referrerRow } from "./manifest_rows.ts";
import type { BlobRow, ManifestRow, TagRow } from "./rows.ts";

/** What {@linkcode Discovery} needs. */
export interface DiscoveryDeps {
  kv: Kv;
  clock: Clock;
  log: Logger;
  pds: PdsReader;
  index: ManifestIndex;
  content: ManifestContent;
  /** For records that name no hold. */
  defaultHold: Did;
  maxManifestBytes: number;
}

const MANIFEST = "io.atcr.manifest";
const TAG = "io.atcr.tag";

/** Pages of 100 records read of one collection; a larger collection is read as far as that. */
const MAX_PAGES = 100;

/** A collection is not listed again within this time, in milliseconds. */
const LIST_INTERVAL_MS = 30_000;

/** Blob rows written by one commit. */
const BLOB_ROWS_PER_COMMIT = 200;

/** Reads owners' records into the index. */
export class Discovery {
  readonly #deps: DiscoveryDeps;
  readonly #running = new Map<string, Promise<unknown>>();

  constructor(deps: DiscoveryDeps) {
    this.#deps = deps;
  }

  /** Looks a tag up in the owner's repo and indexes it; undefined when there is none. */
  findTag(
    owner: Identity,
    repo: string,
    tag: string,
  ): Promise<TagRow | undefined> {
    return this.#once(`tag ${owner.did} ${repo} ${tag}`, async () => {
      const { index } = this.#deps;
      const ref = { did: owner.did, repo };
      const before = await index.tag(ref, tag);
      const rkey = tagRkey(repo, tag);
      const record = await this.#record(owner, TAG, rkey);
      const found = record && readTag(record);
      if (found?.repository === repo && found.tag === tag) {
        return await this.#indexTag(owner, found, rkey, before);
      }
      if (!await this.#listTags(owner)) return undefined;
      return (await index.tag(ref, tag))?.value;
    });
  }

  /**
   * Compares the index with the owner's repo for one tag: a tag that moved
   * there moves here, one that is gone there goes here. Changes nothing when
   * the tag was pushed here meanwhile.
   */
  recheckTag(owner: Identity, repo: string, tag: string): Promise<void> {
    return this.#once(`recheck ${owner.did} ${repo} ${tag}`, async () => {
      const { index, clock } = this.#deps;
      const ref = { did: owner.did, repo };
      const before = await index.tag(ref, tag);
      if (!before) return;
      const record = await this.#record(owner, TAG, before.value.rkey);
      const found = record && readTag(record);
      if (found?.repository !== repo || found.tag !== tag) {
        await index.removeTag(ref, tag, before);
      } else if (found.digest === before.value.digest) {
        const row = { ...before.value, checkedAt: clock.now() };
        await index.setTag(ref, tag, row, before);
      } else {
        await this.#indexTag(owner, found, before.value.rkey, before);
      }
    });
  }

  /** Looks a manifest up in the owner's repo and indexes it; undefined when there is none. */
  findManifest(
    owner: Identity,
    repo: string,
    digest: Digest,
  ): Promise<ManifestRow | undefined> {
    return this.#findManifest(owner, digest, repo, false);
  }

  /**
   * A manifest that a tag of `repo` points at may have a record that names
   * another repository of the owner (`tagged`): there is one record for all.
   */
  #findManifest(
    owner: Identity,
    digest: Digest,
    repo: string,
    tagged: boolean,
  ): Promise<ManifestRow | undefined> {
    const name = `manifest ${owner.did} ${repo} ${digest} ${tagged}`;
    return this.#once(name, async () => {
      const rkey = manifestRkey(digest);
      const value = await this.#record(owner, MANIFEST, rkey);
      const record = value && readManifest(value);
      if (record?.digest === digest && (tagged || record.repository === repo)) {
        return await this.#indexManifest(owner, repo, record);
      }
      return await this.#searchManifest(owner, repo, digest, tagged);
    });
  }

  /** Makes sure that the tags of an owner that we have never seen are known. */
  async ensureListed(owner: Identity): Promise<void> {
    const known = await this.#deps.kv.get(registryKeys.synced(owner.did, TAG));
    if (known) return;
    await this.#once(`list ${owner.did}`, () => this.#listTags(owner));
  }

  /** Indexes all tag records of an owner; false when that was done a moment ago. */
  async #listTags(owner: Identity): Promise<boolean> {
    const { index } = this.#deps;
    if (!await this.#mayList(owner, TAG)) return false;
    for await (const { rkey, value } of this.#list(owner, TAG)) {
      const tag = readTag(value);
      if (!tag) continue;
      const ref = { did: owner.did, repo: tag.repository };
      const before = await index.tag(ref, tag.tag);
      if (before?.value.digest === tag.digest) continue;
      await this.#indexTag(owner, tag, rkey, before).catch((error) =>
        this.#deps.log.warn("tag record not indexed", {
          did: owner.did,
          rkey,
          error,
        })
      );
    }
    return true;
  }

  /** Whether a collection may be listed now; listing is work for the PDS, so that it has a pause. */
  async #mayList(owner: Identity, collection: string): Promise<boolean> {
    const { kv, clock } = this.#deps;
    const key = registryKeys.synced(owner.did, collection);
    const last = await kv.get<number>(key);
    if (last && last.value + LIST_INTERVAL_MS > clock.now()) return false;
    return await kv.atomic()
      .check(key, last?.versionstamp ?? null)
      .set(key, clock.now())
      .commit();
  }

  /** Finds a manifest whose record has a key of another making. */
  async #searchManifest(
    owner: Identity,
    repo: string,
    digest: Digest,
    tagged: boolean,
  ): Promise<ManifestRow | undefined> {
    if (!await this.#mayList(owner, MANIFEST)) return undefined;
    for await (const { value } of this.#list(owner, MANIFEST)) {
      const record = readManifest(value);
      if (record?.digest !== digest) continue;
      if (!tagged && record.repository !== repo) continue;
      return await this.#indexManifest(owner, repo, record);
    }
    return undefined;
  }

  async #indexTag(
    owner: Identity,
    tag: TagRecord,
    rkey: string,
    before: Awaited<ReturnType<ManifestIndex["tag"]>>,
  ): Promise<TagRow | undefined> {
    const { index, clock } = this.#deps;
    const ref = { did: owner.did, repo: tag.repository };
    const manifest = await index.manifest(ref, tag.digest) ??
      await this.#findManifest(owner, tag.digest, tag.repository, true);
    if (!manifest) return undefined;
    const row: TagRow = {
      digest: tag.digest,
      mediaType: manifest.mediaType,
      size: manifest.size,
      holdDid: manifest.holdDid,
      updatedAt: tag.updatedAt ?? manifest.createdAt,
      checkedAt: clock.now(),
      rkey,
    };
    // Somebody who moved the tag meanwhile knows better than what we read before.
    const stored = await index.setTag(ref, tag.tag, row, before);
    return stored ? row : (await index.tag(ref, tag.tag))?.value;
  }

  async #indexManifest(
    owner: Identity,
    repo: string,
    record: ManifestRecord,
  ): Promise<ManifestRow | undefined> {
    const { content, index, clock, defaultHold } = this.#deps;
    const { digest } = record;
    const bytes = await content.get(digest) ??
      await this.#fetchBytes(owner, record);
    if (!bytes) return undefined;
    const manifest = parseManifest(bytes, record.mediaType);
    const row = manifestRow(manifest, {
      size: bytes.byteLength,
      holdDid: record.holdDid ?? defaultHold,
      blobCid: record.manifestBlob?.ref.$link,
      createdAt: record.createdAt ?? clock.now(),
    });
    const ref = { did: owner.did, repo };
    await content.put(digest, bytes);
    await this.#linkBlobs(ref, row.holdDid, referencedBlobs(manifest));
    await index.put(ref, {
      digest,
      row,
      tags: [],
      ...(manifest.subject
        ? { referrer: referrerRow(digest, row, manifest) }
        : {}),
    });
    return row;
  }

  async #fetchBytes(
    owner: Identity,
    record: ManifestRecord,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const cid = record.manifestBlob?.ref.$link;
    if (owner.pds === undefined || cid === undefined) return undefined;
    const blob = await this.#deps.pds.getBlob(owner.pds, owner.did, cid, {
      maxBytes: this.#deps.maxManifestBytes,
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

  async #linkBlobs(
    ref: RepoRef,
    holdDid: Did,
    blobs: readonly { digest: Digest; size: number }[],
  ): Promise<void> {
    for (let i = 0; i < blobs.length; i += BLOB_ROWS_PER_COMMIT) {
      const change = this.#deps.kv.atomic();
      for (const blob of blobs.slice(i, i + BLOB_ROWS_PER_COMMIT)) {
        const row: BlobRow = { holdDid, size: blob.size };
        change.set(registryKeys.blob(ref.did, ref.repo, blob.digest), row);
      }
      await change.commit();
    }
  }

  async #record(
    owner: Identity,
    collection: string,
    rkey: string,
  ): Promise<Record<string, unknown> | undefined> {
    if (owner.pds === undefined) return undefined;
    const { pds } = this.#deps;
    return (await pds.getRecord(owner.pds, owner.did, collection, rkey))?.value;
  }

  async *#list(owner: Identity, collection: string) {
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

  /** Runs `work` once for all who ask for the same thing meanwhile. */
  #once<T>(name: string, work: () => Promise<T>): Promise<T> {
    const running = this.#running.get(name);
    if (running) return running as Promise<T>;
    const started = work().finally(() => this.#running.delete(name));
    this.#running.set(name, started);
    return started;
  }
}
