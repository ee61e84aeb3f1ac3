/**
 * Removes manifests from the index whose records were deleted by another
 * program: they must not be served or listed for ever, because the hold removes
 * their blobs.
 *
 * @module
 */

import { inParallel } from "../../async/in_parallel.ts";
import type { Identity } from "../../atproto/identity/identity.ts";
import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import { readManifest } from "../../atproto/records/records.ts";
import { manifestRkey } from "../../atproto/records/rkeys.ts";
import type { Entry, Kv } from "../../kv/kv.ts";
import type { Logger } from "../../log.ts";
import type { Digest } from "../../oci/digest.ts";
import { registryKeys } from "../kv_keys.ts";
import type { OwnerReader } from "../owners/owner_reader.ts";
import type { SeenRecords } from "../owners/seen_records.ts";
import type { ManifestRow } from "../rows.ts";
import type { WriteLeases } from "../write_leases.ts";
import type { ManifestIndex, RepoRef } from "../manifests/manifest_index.ts";

export interface GoneManifestsDeps {
  kv: Kv;
  log: Logger;
  leases: WriteLeases;
  reader: Pick<OwnerReader, "record" | "isAt">;
  index: ManifestIndex;
}

const { manifest: MANIFEST } = OWNER_COLLECTIONS;

/** Maximum manifests looked up after one part of a list, and their concurrency. */
const MAX_LOOKUPS = 200;
const PARALLEL = 4;

/** Finds deleted manifests, one by one or by lists of records. */
export class GoneManifests {
  readonly #deps: GoneManifestsDeps;

  constructor(deps: GoneManifestsDeps) {
    this.#deps = deps;
  }

  /**
   * Removes a manifest from the index if its record is deleted. Throws the
   * errors of the owner's PDS.
   */
  async check(owner: Identity, repo: string, digest: Digest): Promise<void> {
    const { kv, index, leases } = this.#deps;
    const ref = { did: owner.did, repo };
    const row = await index.manifest(ref, digest);
    if (!row || !await this.#isGone(owner, row, digest)) return;
    // A concurrent push may be about to write the record again.
    await leases.hold(ref, { digest, tags: [] }, async (lost) => {
      const now = await kv.get<ManifestRow>(
        registryKeys.manifest(ref.did, ref.repo, digest),
      );
      if (!now || !await this.#isGone(owner, now.value, digest)) return;
      await this.#forget(ref, digest, now, lost);
    });
  }

  /**
   * Looks up manifests of `owner` that the list of their records lacks and that
   * were known before `since` (milliseconds since the Unix epoch), and removes
   * those without a record. Returns whether some are left for another time.
   * Throws the errors of the owner's PDS.
   */
  async remove(
    owner: Identity,
    list: SeenRecords,
    since: number,
  ): Promise<boolean> {
    const missing = await this.#missing(owner, list, since);
    const some = missing.slice(0, MAX_LOOKUPS);
    await inParallel(
      some,
      PARALLEL,
      ({ repo, digest }) => this.check(owner, repo, digest),
    );
    return missing.length > some.length;
  }

  /** Manifests that the list lacks, at most one more than are looked up. */
  async #missing(
    { did }: Identity,
    list: SeenRecords,
    since: number,
  ): Promise<{ repo: string; digest: Digest }[]> {
    const { kv, index } = this.#deps;
    const removals = await index.removals.readAll(did);
    const missing: { repo: string; digest: Digest }[] = [];
    const prefix = registryKeys.ownerManifests(did);
    for await (const { key, value } of kv.list<ManifestRow>({ prefix })) {
      const repo = String(key.at(-2));
      const digest = key.at(-1) as Digest;
      if (!list.lacks(value.rkey ?? manifestRkey(digest))) continue;
      if (!value.imported && value.createdAt >= since) continue;
      // A removal in progress deletes it.
      if (removals.get(repo)?.pending[digest]) continue;
      missing.push({ repo, digest });
      if (missing.length > MAX_LOOKUPS) break;
    }
    return missing;
  }

  async #isGone(
    owner: Identity,
    { rkey }: ManifestRow,
    digest: Digest,
  ): Promise<boolean> {
    const { reader } = this.#deps;
    for (const key of new Set([rkey ?? "", manifestRkey(digest)])) {
      if (key === "") continue;
      const record = readManifest(await reader.record(owner, MANIFEST, key));
      if (record?.digest === digest) return false;
    }
    return await reader.isAt(owner);
  }

  /**
   * Removes the manifest with the tags that point to it, which the owner's repo
   * does not prove either.
   */
  async #forget(
    ref: RepoRef,
    digest: Digest,
    expected: Entry<ManifestRow>,
    lost: AbortSignal,
  ): Promise<void> {
    const { kv, index, log } = this.#deps;
    const { did, repo } = ref;
    const prefix = registryKeys.manifestTags(did, repo, digest);
    for await (const { key } of kv.list({ prefix })) {
      lost.throwIfAborted();
      await index.tagChanges.removeWhile(
        ref,
        String(key.at(-1)),
        (row) => row.digest === digest,
      );
    }
    // It may have been pushed meanwhile.
    if (!await index.removals.forget(ref, digest, expected)) return;
    log.info("manifest without a record left the index", { ...ref, digest });
  }
}
