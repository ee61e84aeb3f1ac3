/**
 * Changes the row of a single tag, from data in the owner's repo or on behalf
 * of the owner. Each is one atomic commit that fails if the tag, or the
 * removals of its repository, have changed since the decision.
 *
 * @module
 */

import { isWithin } from "../../clock.ts";
import type { Atomic, Entry, Key, Kv } from "../../kv/kv.ts";
import { type JoinedRow, joinRows } from "../../kv/joined_rows.ts";
import { registryKeys } from "../kv_keys.ts";
import {
  isHeard,
  type PendingRemovals,
  type RepositoryRow,
  type StoredTagRow,
  survivor,
  type TagRow,
  tagSet,
} from "../rows.ts";
import type { RepoRef } from "./manifest_index.ts";
import type { ChangedTag, RepositoryIndex } from "./repository_changes.ts";
import type { Removals } from "./removals.ts";
import { RemovalsChangedError } from "../write_leases.ts";

const ATTEMPTS = 100;

/** How exact the time of the last comparison of a tag is, in milliseconds. */
const NOTE_MS = 5_000;

export interface TagChangesDeps {
  kv: Kv;
  removals: Removals;
  followers: RepositoryIndex;
}

/** Sets and removes rows of tags. */
export class TagChanges {
  readonly #deps: TagChangesDeps;

  constructor(deps: TagChangesDeps) {
    this.#deps = deps;
  }

  /**
   * Sets one tag if its row is still `expected` (undefined: absent); returns
   * false otherwise. Throws {@linkcode RemovalsChangedError} when something in
   * the repository was deleted since `removals` was read: data read from the
   * owner's repo after that may have been deleted, too.
   */
  async set(
    ref: RepoRef,
    tag: string,
    row: TagRow,
    expected: Entry<StoredTagRow> | undefined,
    removals: PendingRemovals,
  ): Promise<boolean> {
    const { kv } = this.#deps;
    const key = registryKeys.tag(ref.did, ref.repo, tag);
    if (expected && isUnchanged(expected.value, row, removals)) {
      return await this.#noteCheck(key, expected, row);
    }
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const change = this.#settingOf(ref, tag, row, expected, removals);
      await this.#follow(change, ref, [tagSet(tag, row)]);
      if (await change.commit()) return true;
      const now = await this.#deps.removals.read(ref);
      if (now.versionstamp !== removals.versionstamp) {
        throw new RemovalsChangedError();
      }
      const found = await kv.get(key);
      if (found?.versionstamp !== expected?.versionstamp) return false;
    }
    throw new RemovalsChangedError();
  }

  /** Stores only when the tag was compared, so that a comparison without a difference is cheap. */
  async #noteCheck(
    key: Key,
    expected: Entry<StoredTagRow>,
    row: TagRow,
  ): Promise<boolean> {
    const { value, versionstamp } = expected;
    if (!isHeard(value) && isWithin(value.checkedAt, NOTE_MS, row.checkedAt)) {
      return true;
    }
    return await this.#deps.kv.atomic()
      .check(key, versionstamp)
      .set(key, row)
      .commit();
  }

  #settingOf(
    ref: RepoRef,
    tag: string,
    row: TagRow,
    expected: Entry<StoredTagRow> | undefined,
    removals: PendingRemovals,
  ): Atomic {
    const { did, repo } = ref;
    const key = registryKeys.tag(did, repo, tag);
    const { holdDid, updatedAt } = row;
    const repository: RepositoryRow = { holdDid, updatedAt };
    const change = this.#deps.kv.atomic()
      .check(key, expected?.versionstamp ?? null)
      .check(registryKeys.removals(did, repo), removals.versionstamp)
      .set(key, survivor(row, removals))
      .set(registryKeys.manifestTag(did, repo, row.digest, tag), 1)
      .set(registryKeys.repository(did, repo), repository);
    const former = expected?.value.digest;
    if (!expected) change.set(registryKeys.tagsChanged(did, repo), 1);
    if (former && former !== row.digest) {
      change.delete(registryKeys.manifestTag(did, repo, former, tag));
    }
    return change;
  }

  async #follow(
    commit: Atomic,
    ref: RepoRef,
    tags: readonly ChangedTag[],
  ): Promise<void> {
    const { kv, followers } = this.#deps;
    const change = { ...ref, tags };
    const found = await kv.getMany(followers.reads(change));
    await followers.add(commit, change, found);
  }

  /**
   * Removes one tag if its row is still `expected`, and stores `also`; its
   * manifest stays. Returns false when the row was changed meanwhile.
   */
  async remove(
    ref: RepoRef,
    tag: string,
    expected: Entry<StoredTagRow>,
    also: readonly JoinedRow[] = [],
  ): Promise<boolean> {
    const { did, repo } = ref;
    const { kv } = this.#deps;
    const key = registryKeys.tag(did, repo, tag);
    const { digest, rkey } = expected.value;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const removals = await this.#deps.removals.read(ref);
      const now = await kv.get(key);
      if (now?.versionstamp !== expected.versionstamp) return false;
      const change = kv.atomic()
        .check(key, expected.versionstamp)
        .delete(key)
        .set(registryKeys.tagsChanged(did, repo), 1);
      if (digest) {
        change.delete(registryKeys.manifestTag(did, repo, digest, tag));
      }
      joinRows(change, also);
      this.#deps.removals.touch(change, ref, removals);
      await this.#follow(change, ref, [{ tag, rkey, to: undefined }]);
      if (await change.commit()) return true;
    }
    throw new RemovalsChangedError();
  }

  /**
   * Removes one tag as long as `applies` to its row, even if the row is changed
   * concurrently: a recheck against the owner's repo may record its time. Its
   * manifest stays. `also` returns the rows to store in the same commit.
   */
  async removeWhile(
    ref: RepoRef,
    tag: string,
    applies: (row: StoredTagRow) => boolean | Promise<boolean>,
    also: (row: StoredTagRow) => readonly JoinedRow[] = () => [],
  ): Promise<void> {
    const key = registryKeys.tag(ref.did, ref.repo, tag);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const entry = await this.#deps.kv.get<StoredTagRow>(key);
      if (!entry || !await applies(entry.value)) return;
      if (await this.remove(ref, tag, entry, also(entry.value))) return;
    }
    throw new RemovalsChangedError();
  }
}

/** Whether a tag read from the owner's repo is as its row says. */
function isUnchanged(
  before: StoredTagRow,
  row: TagRow,
  { pending }: PendingRemovals,
): boolean {
  return !isHeard(before) && !pending[row.digest] &&
    before.digest === row.digest && before.mediaType === row.mediaType &&
    before.size === row.size && before.holdDid === row.holdDid &&
    before.updatedAt === row.updatedAt && before.rkey === row.rkey;
}
