/**
 * Names found in lists of an owner's records: tags and referrers whose
 * manifests were not requested yet. They take a few bytes each; the manifests
 * are read when they are requested.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Kv } from "../../kv/kv.ts";
import { KV_LIMITS } from "../../kv/limits.ts";
import type { Digest } from "../../oci/digest.ts";
import { registryKeys } from "../kv_keys.ts";
import type { HeardTagRow, PendingRemovals, RepositoryRow } from "../rows.ts";
import type { RepoRef } from "./manifest_index.ts";

/** A tag from its record. */
export interface HeardTag {
  readonly tag: string;
  readonly rkey: string;
  readonly digest: Digest | undefined;
}

/** A referrer from its record. */
export interface HeardReferrer {
  readonly subject: Digest;
  readonly digest: Digest;
  readonly rkey: string;
}

/** Tags per commit, which checks each of them and the removals. */
const TAGS_PER_COMMIT = KV_LIMITS.checks - 1;

/** Children per commit: their keys fit even with the longest names. */
const CHILDREN_PER_COMMIT = 100;

/** Reads and writes names from lists. */
export class HeardRows {
  readonly #kv: Kv;

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  /**
   * Adds those of `tags` without a stored row. Skips those affected by a
   * removal that started after `removals` was read.
   */
  async addTags(
    ref: RepoRef,
    tags: readonly HeardTag[],
    removals: PendingRemovals,
  ): Promise<void> {
    const { did, repo } = ref;
    const rows = await this.#kv.getMany(
      tags.map(({ tag }) => registryKeys.tag(did, repo, tag)),
    );
    const fresh = tags.filter(({ digest }, i) =>
      rows[i] === undefined && !(digest && removals.pending[digest])
    );
    for (let i = 0; i < fresh.length; i += TAGS_PER_COMMIT) {
      const some = fresh.slice(i, i + TAGS_PER_COMMIT);
      if (await this.#addTags(ref, some, removals)) continue;
      // One of them was pushed meanwhile.
      for (const one of some) await this.#addTags(ref, [one], removals);
    }
  }

  async #addTags(
    { did, repo }: RepoRef,
    tags: readonly HeardTag[],
    { versionstamp }: PendingRemovals,
  ): Promise<boolean> {
    const change = this.#kv.atomic()
      .check(registryKeys.removals(did, repo), versionstamp)
      .set(registryKeys.tagsChanged(did, repo), 1);
    for (const { tag, rkey, digest } of tags) {
      const key = registryKeys.tag(did, repo, tag);
      const row: HeardTagRow = {
        heard: true,
        rkey,
        ...(digest === undefined ? {} : { digest }),
      };
      change.check(key, null).set(key, row);
      if (digest === undefined) continue;
      change.set(registryKeys.manifestTag(did, repo, digest, tag), 1);
    }
    return await change.commit();
  }

  /** Adds referrers of a repository, at most 100. */
  async addReferrers(
    { did, repo }: RepoRef,
    referrers: readonly HeardReferrer[],
  ): Promise<void> {
    if (referrers.length === 0) return;
    const change = this.#kv.atomic();
    for (const { subject, digest, rkey } of referrers) {
      change.set(registryKeys.heardReferrer(did, repo, subject, digest), rkey);
    }
    await change.commit();
  }

  /** The first `limit` referrers of `subject` that were not requested yet. */
  async referrers(
    { did, repo }: RepoRef,
    subject: Digest,
    limit: number,
  ): Promise<HeardReferrer[]> {
    const prefix = registryKeys.heardReferrers(did, repo, subject);
    const found: HeardReferrer[] = [];
    for await (const entry of this.#kv.list<string>({ prefix }, { limit })) {
      const digest = entry.key.at(-1) as Digest;
      found.push({ subject, digest, rkey: entry.value });
    }
    return found;
  }

  /** Removes a referrer that was read or cannot be read. */
  async dropReferrer(
    { did, repo }: RepoRef,
    { subject, digest }: HeardReferrer,
  ): Promise<void> {
    const key = registryKeys.heardReferrer(did, repo, subject, digest);
    await this.#kv.delete(key);
  }

  /** Records manifests in an index of the repository. */
  async addChildren(
    { did, repo }: RepoRef,
    digests: readonly Digest[],
  ): Promise<void> {
    for (let i = 0; i < digests.length; i += CHILDREN_PER_COMMIT) {
      const change = this.#kv.atomic();
      for (const digest of digests.slice(i, i + CHILDREN_PER_COMMIT)) {
        change.set(registryKeys.heardChild(did, repo, digest), 1);
      }
      await change.commit();
    }
  }

  /** Whether the manifest is in an index of the repository. */
  async isChild({ did, repo }: RepoRef, digest: Digest): Promise<boolean> {
    const key = registryKeys.heardChild(did, repo, digest);
    return await this.#kv.get(key) !== undefined;
  }

  /** Creates the row of a repository with the hold of one of its manifests, unless it exists. */
  async addRepository(
    { did, repo }: RepoRef,
    holdDid: Did,
    updatedAt: number,
  ): Promise<RepositoryRow> {
    const key = registryKeys.repository(did, repo);
    const row: RepositoryRow = { holdDid, updatedAt };
    const isNew = await this.#kv.atomic().check(key, null).set(key, row)
      .commit();
    const known = isNew ? undefined : await this.#kv.get<RepositoryRow>(key);
    return known?.value ?? row;
  }
}
