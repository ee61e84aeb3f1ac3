/**
 * Deleted manifests in the index. One commit makes a manifest and all of its
 * tags invisible, regardless of their number; the rows of the tags are removed
 * after their records ({@linkcode RemovalsRow}).
 *
 * @module
 */

import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import type { LeaseEnding } from "../../kv/held_lease.ts";
import type { Atomic, Entry, Kv } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import { type JoinedRow, joinRows } from "../../kv/joined_rows.ts";
import { registryKeys } from "../kv_keys.ts";
import {
  type ManifestRow,
  pendingOf,
  type PendingRemovals,
  type RemovalRow,
  type RemovalsRow,
  type StoredTagRow,
} from "../rows.ts";
import type { RepoRef } from "./manifest_index.ts";
import type { RepositoryIndex } from "./repository_changes.ts";
import { readRemovals, RemovalsChangedError } from "../write_leases.ts";

/** Maximum concurrent removals in one repository: their row must fit into one value. */
const MAX_PENDING = 200;

/** Tags whose rows one commit removes: those who follow store how each moved, under its name. */
const TAGS_PER_COMMIT = 100;

/** Tags read together. */
const LOOK = 100;

const ATTEMPTS = 20;

/** A tag whose row still exists, although its manifest was deleted. */
export interface DeletedTag {
  readonly tag: string;
  readonly row: StoredTagRow;
}

/** Other repositories of the owner that have the manifest, too. */
export async function otherRepositories(
  kv: Kv,
  { did, repo }: RepoRef,
  digest: Digest,
): Promise<string[]> {
  const prefix = registryKeys.manifestRepositories(did, digest);
  const names: string[] = [];
  for await (const { key } of kv.list({ prefix })) {
    const name = String(key.at(-1));
    if (name !== repo) names.push(name);
  }
  return names;
}

/** Reads and writes the removals of repositories. */
export class Removals {
  readonly #kv: Kv;
  readonly #followers: RepositoryIndex;

  constructor(kv: Kv, followers: RepositoryIndex) {
    this.#kv = kv;
    this.#followers = followers;
  }

  /** The current removals. */
  read(ref: RepoRef): Promise<PendingRemovals> {
    return readRemovals(this.#kv, ref);
  }

  /** The removals in all repositories of an owner; a repository that is missing never had one. */
  async readAll(did: Did): Promise<ReadonlyMap<string, PendingRemovals>> {
    const all = new Map<string, PendingRemovals>();
    const prefix = registryKeys.allRemovals(did);
    for await (const entry of this.#kv.list<RemovalsRow>({ prefix })) {
      all.set(String(entry.key.at(-1)), pendingOf(entry));
    }
    return all;
  }

  /**
   * Must be part of a change that removes a single tag: lists read before must
   * not restore it. The change fails when a removal has started or ended since
   * `before` was read.
   */
  touch(change: Atomic, { did, repo }: RepoRef, before: PendingRemovals): void {
    const key = registryKeys.removals(did, repo);
    const { versionstamp } = before;
    const pending = before.pending as RemovalsRow["pending"];
    const row: RemovalsRow = { pending };
    change.check(key, versionstamp).set(key, row);
  }

  /**
   * Removes a manifest with all tags that point to it and its referrer row, in
   * one commit that also stores `also` and releases the lease of `ending`. Its
   * own referrers stay readable by digest. Throws AppError `TOOMANYREQUESTS`
   * while too many removals are in progress, `UNAVAILABLE` when the lease was
   * lost.
   */
  async begin(
    ref: RepoRef,
    digest: Digest,
    manifest: ManifestRow,
    also: readonly JoinedRow[],
    ending?: LeaseEnding,
  ): Promise<RemovalRow> {
    const { did, repo } = ref;
    const { holdDid, rkey, subject } = manifest;
    const removal: RemovalRow = {
      id: crypto.randomUUID(),
      holdDid,
      ...(rkey === undefined ? {} : { rkey }),
    };
    const [heir] = await otherRepositories(this.#kv, ref, digest);
    await this.#change(ref, async (pending, change) => {
      if (!(digest in pending) && Object.keys(pending).length >= MAX_PENDING) {
        throw new AppError(
          "TOOMANYREQUESTS",
          `${MAX_PENDING} deleted manifests of this repository are still being removed from the PDS of its owner. Try again later.`,
          { retryAfterSeconds: 60 },
        );
      }
      change.set(registryKeys.tagsChanged(did, repo), 1)
        .delete(registryKeys.manifest(did, repo, digest))
        .delete(registryKeys.manifestRepository(did, digest, repo));
      if (subject) {
        change.delete(registryKeys.referrer(did, repo, subject, digest));
      }
      joinRows(change, also);
      const removed = { digest, heir };
      await this.#followers.add(change, { ...ref, removed }, []);
      ending?.add(change, await this.#kv.getMany(ending.keys));
      return { ...pending, [digest]: removal };
    });
    ending?.done();
    return removal;
  }

  /** Removes a manifest that has no record and no tags any more, if its row is still `expected`. */
  async forget(
    ref: RepoRef,
    digest: Digest,
    expected: Entry<ManifestRow>,
  ): Promise<boolean> {
    const { did, repo } = ref;
    const { subject } = expected.value;
    const change = this.#kv.atomic()
      .check(expected.key, expected.versionstamp)
      .delete(expected.key)
      .delete(registryKeys.manifestRepository(did, digest, repo));
    if (subject) {
      change.delete(registryKeys.referrer(did, repo, subject, digest));
    }
    const removed = { digest, heir: undefined };
    await this.#followers.add(change, { ...ref, removed }, []);
    return await change.commit();
  }

  /** The first `limit` tags that were deleted with a manifest and whose rows still exist. */
  async tags(
    { did, repo }: RepoRef,
    digest: Digest,
    { id }: RemovalRow,
    limit: number,
  ): Promise<DeletedTag[]> {
    const prefix = registryKeys.manifestTags(did, repo, digest);
    const found: DeletedTag[] = [];
    let names: string[] = [];
    const look = async () => {
      const deleted = await this.deleted({ did, repo }, digest, { id }, names);
      found.push(...deleted.slice(0, limit - found.length));
      names = [];
    };
    for await (const entry of this.#kv.list({ prefix })) {
      names.push(String(entry.key.at(-1)));
      if (names.length < LOOK) continue;
      await look();
      if (found.length >= limit) return found;
    }
    await look();
    return found;
  }

  /** Those of the tags `names` that were deleted with a manifest and whose rows still exist. */
  async deleted(
    { did, repo }: RepoRef,
    digest: Digest,
    { id }: Pick<RemovalRow, "id">,
    names: readonly string[],
  ): Promise<DeletedTag[]> {
    const rows = await this.#kv.getMany<StoredTagRow>(
      names.map((tag) => registryKeys.tag(did, repo, tag)),
    );
    return names.flatMap((tag, i) => {
      const row = rows[i]?.value;
      return row?.digest === digest && row.after !== id ? [{ tag, row }] : [];
    });
  }

  /** Removes the rows of deleted tags; call it while they cannot be set again. */
  async drop(
    ref: RepoRef,
    digest: Digest,
    tags: readonly DeletedTag[],
  ): Promise<void> {
    for (let i = 0; i < tags.length; i += TAGS_PER_COMMIT) {
      await this.#drop(ref, digest, tags.slice(i, i + TAGS_PER_COMMIT));
    }
  }

  async #drop(
    ref: RepoRef,
    digest: Digest,
    tags: readonly DeletedTag[],
  ): Promise<void> {
    const { did, repo } = ref;
    const gone = tags.map(({ tag, row: { rkey } }) => ({
      tag,
      rkey,
      to: undefined,
    }));
    const followed = { ...ref, tags: gone };
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const change = this.#kv.atomic();
      for (const { tag } of tags) {
        change.delete(registryKeys.tag(did, repo, tag))
          .delete(registryKeys.manifestTag(did, repo, digest, tag));
      }
      const found = await this.#kv.getMany(this.#followers.reads(followed));
      await this.#followers.add(change, followed, found);
      if (await change.commit()) return;
    }
    throw new RemovalsChangedError();
  }

  /** Records that the manifest's record is done. */
  async recordDone(
    ref: RepoRef,
    digest: Digest,
    { id }: RemovalRow,
  ): Promise<void> {
    await this.#change(ref, (pending) => {
      const removal = pending[digest];
      if (removal?.id !== id) return undefined;
      return { ...pending, [digest]: { ...removal, recordDone: true } };
    });
  }

  /** Ends a removal without remaining tags. */
  async end(ref: RepoRef, digest: Digest, { id }: RemovalRow): Promise<void> {
    await this.#change(ref, (pending) => {
      if (pending[digest]?.id !== id) return undefined;
      const { [digest]: _, ...rest } = pending;
      return rest;
    });
  }

  /** Replaces the removals by the result of `next`; undefined keeps them. */
  async #change(
    { did, repo }: RepoRef,
    next: (
      pending: Record<Digest, RemovalRow>,
      change: Atomic,
    ) =>
      | Record<Digest, RemovalRow>
      | undefined
      | Promise<Record<Digest, RemovalRow>>,
  ): Promise<void> {
    const key = registryKeys.removals(did, repo);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const entry = await this.#kv.get<RemovalsRow>(key);
      const change = this.#kv.atomic().check(key, entry?.versionstamp ?? null);
      const pending = await next(entry?.value.pending ?? {}, change);
      if (pending === undefined) return;
      const row: RemovalsRow = { pending };
      if (await change.set(key, row).commit()) return;
    }
    throw new RemovalsChangedError();
  }
}
