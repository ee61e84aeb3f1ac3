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

  constructor(deps: RepositoryRecordsDeps) {
    this.#deps = deps;
    this.#manifests = new ManifestRecords(deps);
    this.#tags = new TagRecords(deps);
  }

  async apply(change: RecordChange): Promise<void> {
    if (this.#deps.own?.take(change.did, change, change.cid)) return;
    // Streams count microseconds; times in rows are whole milliseconds.
    const whole = { ...change, at: Math.trunc(change.at) };
    if (change.collection === MANIFEST) await this.#manifests.apply(whole);
    if (change.collection === TAG) await this.#tags.apply(whole);
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
