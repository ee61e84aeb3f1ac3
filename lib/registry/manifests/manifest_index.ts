/**
 * The registry's own index of manifests, tags and referrers. A change to one
 * manifest is one atomic commit, so that lists and lookups are correct on the
 * next request.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Entry, Kv } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import { joinRows } from "../../kv/joined_rows.ts";
import { registryKeys } from "../kv_keys.ts";
import {
  isHeard,
  isRemoved,
  type ManifestRow,
  pendingOf,
  type ReferrerRow,
  type RemovalsRow,
  type RepositoryRow,
  type StoredTagRow,
  survivor,
  type TagRow,
  tagSet,
} from "../rows.ts";
import { KeyedMutex } from "../../async/keyed_mutex.ts";
import { SharedReads } from "../../async/shared_reads.ts";
import { type PageOfTags, TagPages } from "../lists/tag_pages.ts";
import { otherRepositories, Removals } from "./removals.ts";
import {
  type ManifestPut,
  type RepositoryChange,
  type RepositoryIndex,
  UNFOLLOWED,
} from "./repository_changes.ts";
import { TagChanges } from "./tag_changes.ts";
import { RemovalsChangedError } from "../write_leases.ts";

/** A repository of an owner. */
export interface RepoRef {
  readonly did: Did;
  readonly repo: string;
}

/** Times that a commit is put together because others changed the repository meanwhile. */
const ATTEMPTS = 100;

/** Reads and writes the index rows. */
export class ManifestIndex {
  readonly #kv: Kv;
  readonly #followers: RepositoryIndex;
  readonly #reads = new SharedReads();
  readonly #turns = new KeyedMutex();
  readonly #tagPages: TagPages;
  readonly removals: Removals;
  readonly tagChanges: TagChanges;

  /** @param followers what also has to change with the repositories. */
  constructor(kv: Kv, followers: RepositoryIndex = UNFOLLOWED) {
    this.#kv = kv;
    this.#followers = followers;
    this.#tagPages = new TagPages(kv);
    this.removals = new Removals(kv, followers);
    this.tagChanges = new TagChanges({
      kv,
      followers,
      removals: this.removals,
    });
  }

  /**
   * The target of a tag; also undefined when unknown, or when the tag was
   * deleted with its manifest.
   */
  async tag(ref: RepoRef, tag: string): Promise<Entry<TagRow> | undefined> {
    const entry = await this.storedTag(ref, tag);
    return entry && isKnown(entry) ? entry : undefined;
  }

  /** The stored row of a tag that was not deleted. */
  storedTag(
    { did, repo }: RepoRef,
    tag: string,
  ): Promise<Entry<StoredTagRow> | undefined> {
    return this.#reads.read(`tag ${did} ${repo} ${tag}`, async () => {
      // One read, so that both are consistent.
      const [entry, removals] = await this.#kv.getMany<unknown>([
        registryKeys.tag(did, repo, tag),
        registryKeys.removals(did, repo),
      ]) as [Entry<StoredTagRow> | undefined, Entry<RemovalsRow> | undefined];
      return entry && isRemoved(entry.value, pendingOf(removals))
        ? undefined
        : entry;
    });
  }

  /** The stored rows of tags, including deleted ones whose records still exist. */
  async storedTags(
    { did, repo }: RepoRef,
    tags: readonly string[],
  ): Promise<(StoredTagRow | undefined)[]> {
    const rows = await this.#kv.getMany<StoredTagRow>(
      tags.map((tag) => registryKeys.tag(did, repo, tag)),
    );
    return rows.map((entry) => entry?.value);
  }

  async manifest(
    ref: RepoRef,
    digest: Digest,
  ): Promise<ManifestRow | undefined> {
    const key = registryKeys.manifest(ref.did, ref.repo, digest);
    const entry = await this.#reads.read(
      `manifest ${ref.did} ${ref.repo} ${digest}`,
      () => this.#kv.get<ManifestRow>(key),
    );
    return entry?.value;
  }

  /** Several manifests at once, in the order of `digests`. */
  async manifests(
    ref: RepoRef,
    digests: readonly Digest[],
  ): Promise<(ManifestRow | undefined)[]> {
    const entries = await this.#kv.getMany<ManifestRow>(
      digests.map((digest) => registryKeys.manifest(ref.did, ref.repo, digest)),
    );
    return entries.map((entry) => entry?.value);
  }

  /** The repository; undefined when it never had content. */
  async repository(ref: RepoRef): Promise<RepositoryRow | undefined> {
    const key = registryKeys.repository(ref.did, ref.repo);
    const entry = await this.#reads.read(
      `repository ${ref.did} ${ref.repo}`,
      () => this.#kv.get<RepositoryRow>(key),
    );
    return entry?.value;
  }

  /** Names of tags in byte order. */
  tagNames(ref: RepoRef, page: PageOfTags): Promise<readonly string[]> {
    return this.#tagPages.get(
      ref.did,
      ref.repo,
      page,
      () => Array.fromAsync(this.tags(ref, page), ({ tag }) => tag),
    );
  }

  /** Tags in byte order after `last`, with their stored rows. */
  async *tags(
    ref: RepoRef,
    options: { last?: string; limit?: number } = {},
  ): AsyncGenerator<{ tag: string; row: StoredTagRow }> {
    const prefix = registryKeys.tags(ref.did, ref.repo);
    const selector = options.last === undefined
      ? { prefix }
      // The first key greater than `last` is `last` followed by a NUL.
      : { prefix, start: [...prefix, `${options.last}\0`] };
    let left = options.limit ?? Infinity;
    if (left <= 0) return;
    const removals = await this.removals.read(ref);
    // Without removals, read only what is requested.
    const limit = left < Infinity && Object.keys(removals.pending).length === 0
      ? { limit: left }
      : {};
    for await (const entry of this.#kv.list<StoredTagRow>(selector, limit)) {
      if (isRemoved(entry.value, removals)) continue;
      yield { tag: String(entry.key.at(-1)), row: entry.value };
      if (--left <= 0) return;
    }
  }

  /** Other repositories of the owner that have the manifest, too. */
  otherRepositories(ref: RepoRef, digest: Digest): Promise<string[]> {
    return otherRepositories(this.#kv, ref, digest);
  }

  /** Referrers of `subject` in digest order. */
  async *referrers(
    ref: RepoRef,
    subject: Digest,
    options: { last?: Digest } = {},
  ): AsyncGenerator<ReferrerRow> {
    const prefix = registryKeys.referrers(ref.did, ref.repo, subject);
    const selector = options.last === undefined
      ? { prefix }
      : { prefix, start: [...prefix, `${options.last}\0`] };
    for await (const entry of this.#kv.list<ReferrerRow>(selector)) {
      yield entry.value;
    }
  }

  /**
   * Stores a manifest, its tags and its referrer row. Throws
   * {@linkcode RemovalsChangedError}, without storing anything, when a manifest
   * of the repository was deleted since `put.removals` was read.
   */
  async put(ref: RepoRef, put: ManifestPut): Promise<void> {
    // Tags of one repository change a row in common: in turns, no commit fails.
    if (put.tags.length === 0) return await this.#put(ref, put);
    const name = `${ref.did} ${ref.repo}`;
    await this.#turns.run(name, () => this.#put(ref, put));
  }

  async #put(ref: RepoRef, put: ManifestPut): Promise<void> {
    const { did, repo } = ref;
    const { ending } = put;
    const change = changeOf(ref, put);
    const tagKeys = put.tags.map(({ tag }) => registryKeys.tag(did, repo, tag));
    const leaseKeys = ending?.keys ?? [];
    const keys = [...tagKeys, ...leaseKeys, ...this.#followers.reads(change)];
    const others = tagKeys.length + leaseKeys.length;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const found = await this.#kv.getMany<unknown>(keys);
      const former = found.slice(0, tagKeys.length);
      const commit = this.#commitOf(ref, put, former as FormerTags);
      ending?.add(commit, found.slice(tagKeys.length, others));
      await this.#followers.add(commit, change, found.slice(others));
      if (await commit.commit()) {
        ending?.done();
        return await this.#followers.finish(change);
      }
      const { versionstamp } = await this.removals.read(ref);
      if (versionstamp !== put.removals.versionstamp) break;
    }
    throw new RemovalsChangedError();
  }

  #commitOf({ did, repo }: RepoRef, put: ManifestPut, former: FormerTags) {
    const { removals } = put;
    const { holdDid, createdAt } = put.row;
    const repository: RepositoryRow = { holdDid, updatedAt: createdAt };
    const change = this.#kv.atomic()
      .check(registryKeys.removals(did, repo), removals.versionstamp)
      .set(registryKeys.manifest(did, repo, put.digest), put.row)
      .set(registryKeys.manifestRepository(did, put.digest, repo), 1)
      .set(registryKeys.repository(did, repo), repository);
    if (put.referrer && put.row.subject) {
      change.set(
        registryKeys.referrer(did, repo, put.row.subject, put.digest),
        put.referrer,
      );
    }
    joinRows(change, put.also ?? []);
    if (put.pushed) change.delete(registryKeys.cachedContent(put.digest));
    if (put.tags.length > 0) change.set(registryKeys.tagsChanged(did, repo), 1);
    put.tags.forEach(({ tag, row }, i) => {
      const before = former[i]?.value;
      if (before?.digest && before.digest !== row.digest) {
        change.delete(registryKeys.manifestTag(did, repo, before.digest, tag));
      }
      change.set(registryKeys.tag(did, repo, tag), survivor(row, removals));
      change.set(registryKeys.manifestTag(did, repo, row.digest, tag), 1);
    });
    return change;
  }
}

type FormerTags = readonly (Entry<StoredTagRow> | undefined)[];

function isKnown(entry: Entry<StoredTagRow>): entry is Entry<TagRow> {
  return !isHeard(entry.value);
}

/** The change that stores a manifest with its tags. */
function changeOf(
  ref: RepoRef,
  { digest, row, manifest, tags, handle, records = [] }: ManifestPut,
): RepositoryChange {
  const { holdDid, createdAt, rkey } = row;
  return {
    ...ref,
    handle,
    ...(manifest
      ? { stored: { digest, manifest, holdDid, createdAt, rkey } }
      : {}),
    tags: tags.map(({ tag, row }) => tagSet(tag, row)),
    records,
  };
}
