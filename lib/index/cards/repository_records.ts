/**
 * Manifests and tags of the network.
 *
 * @module
 */

import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import { manifestRkey } from "../../atproto/records/rkeys.ts";
import type { Did } from "../../did.ts";
import type { RecordChange, RecordHandler } from "../record_change.ts";
import { cardKeys, digestOfPart } from "./kv_keys.ts";
import {
  ManifestRecords,
  type ManifestRecordsDeps,
} from "./manifest_records.ts";
import type { OwnRecords } from "./own_records.ts";
import type { FactsRow, TagRow } from "./rows.ts";
import { TagRecords, type TagRecordsDeps } from "./tag_records.ts";
import { ManifestsTogether } from "./together/manifests_together.ts";
import { TagsTogether } from "./together/tags_together.ts";

const { manifest: MANIFEST, tag: TAG } = OWNER_COLLECTIONS;

export interface RepositoryRecordsDeps
  extends ManifestRecordsDeps, TagRecordsDeps {
  /** Records of this process, which need no work. */
  readonly own?: OwnRecords;
}

/** Follows the records of manifests and tags in everybody's repos. */
export class RepositoryRecords implements RecordHandler {
  readonly collections = [MANIFEST, TAG];
  readonly #deps: RepositoryRecordsDeps;
  readonly #manifests: ManifestRecords;
  readonly #tags: TagRecords;
  readonly #storedTogether: ManifestsTogether;
  readonly #tagsTogether: TagsTogether;

  constructor(deps: RepositoryRecordsDeps) {
    this.#deps = deps;
    this.#manifests = new ManifestRecords(deps);
    this.#tags = new TagRecords(deps);
    this.#storedTogether = new ManifestsTogether(deps);
    this.#tagsTogether = new TagsTogether(deps);
  }

  async apply(change: RecordChange): Promise<void> {
    if (this.#isOwn(change)) return;
    if (change.collection === MANIFEST) await this.#manifests.apply(change);
    if (change.collection === TAG) await this.#tags.apply(change);
  }

  /**
   * Manifests before the tags that point at them, and removals of manifests
   * after the tags that pointed at them, so that few cards are written twice.
   */
  async applyTogether(
    did: Did,
    changes: readonly RecordChange[],
  ): Promise<void> {
    const all = changes.filter((change) => !this.#isOwn(change));
    const isRemoval = ({ record }: RecordChange) => record === undefined;
    const manifests = all.filter(({ collection }) => collection === MANIFEST);
    const stored = manifests.filter((change) => !isRemoval(change));
    const { left, digests } = await this.#storedTogether.apply(did, stored);
    await this.#manifests.refresh(did, digests);
    for (const change of left) await this.#manifests.apply(change);
    const tags = all.filter(({ collection }) => collection === TAG);
    for (const change of await this.#tagsTogether.apply(did, tags)) {
      await this.#tags.apply(change);
    }
    for (const change of manifests.filter(isRemoval)) {
      await this.#manifests.apply(change);
    }
  }

  #isOwn(change: RecordChange): boolean {
    return this.#deps.own?.take(change.did, change, change.cid) ?? false;
  }

  /** The records that rows were made of, with their times in milliseconds since the Unix epoch. */
  async *known(
    did: Did,
    collection: string,
  ): AsyncGenerator<{ rkey: string; at: number }> {
    const { kv } = this.#deps;
    if (collection === MANIFEST) {
      const prefix = cardKeys.manifests(did);
      for await (const { key, value } of kv.list<FactsRow>({ prefix })) {
        const { rkey = manifestRkey(digestOfPart(key.at(-1))), createdAt } =
          value;
        yield { rkey, at: createdAt };
      }
    }
    if (collection === TAG) {
      const prefix = cardKeys.allTags(did);
      for await (const { value } of kv.list<TagRow>({ prefix })) {
        for (const { rkey, at } of value) yield { rkey, at };
      }
    }
  }
}
