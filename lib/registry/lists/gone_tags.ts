/**
 * Removes tags from the index whose records were deleted by another service.
 *
 * @module
 */

import { inParallel } from "../../async/in_parallel.ts";
import type { Identity } from "../../atproto/identity/identity.ts";
import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import { readTag } from "../../atproto/records/records.ts";
import type { Entry, Kv } from "../../kv/kv.ts";
import { registryKeys } from "../kv_keys.ts";
import type { OwnerReader } from "../owners/owner_reader.ts";
import type { SeenRecords } from "../owners/seen_records.ts";
import { isHeard, isRemoved, type StoredTagRow } from "../rows.ts";
import type { ManifestIndex } from "../manifests/manifest_index.ts";

export interface GoneTagsDeps {
  kv: Kv;
  reader: Pick<OwnerReader, "record" | "isAt">;
  index: Pick<ManifestIndex, "removals" | "tagChanges">;
}

/** Maximum tags looked up after one part of a list, and their concurrency. */
const MAX_LOOKUPS = 500;
const PARALLEL = 4;

/** Finds deleted tags by lists of records. */
export class GoneTags {
  readonly #deps: GoneTagsDeps;

  constructor(deps: GoneTagsDeps) {
    this.#deps = deps;
  }

  /**
   * Looks up tags of `owner` that the list lacks and that were known before
   * `since` (milliseconds since the Unix epoch), and removes those without a
   * record. Returns whether some are left for another time.
   */
  async remove(
    owner: Identity,
    list: SeenRecords,
    since: number,
  ): Promise<boolean> {
    const { index, reader } = this.#deps;
    const missing = await this.#missing(owner, list, since);
    const some = missing.slice(0, MAX_LOOKUPS);
    const gone: Entry<StoredTagRow>[] = [];
    await inParallel(some, PARALLEL, async (entry) => {
      if (!await this.#isThere(owner, entry)) gone.push(entry);
    });
    // A PDS that the account has left proves nothing.
    if (gone.length > 0 && await reader.isAt(owner)) {
      for (const entry of gone) {
        const { repo, tag } = nameOf(entry);
        const ref = { did: owner.did, repo };
        await index.tagChanges.remove(ref, tag, entry);
      }
    }
    return missing.length > some.length;
  }

  /** Entries of tags that the list lacks, at most one more than are looked up. */
  async #missing(
    { did }: Identity,
    list: SeenRecords,
    since: number,
  ): Promise<Entry<StoredTagRow>[]> {
    const { kv, index } = this.#deps;
    const removals = await index.removals.readAll(did);
    const missing: Entry<StoredTagRow>[] = [];
    const prefix = registryKeys.ownerTags(did);
    for await (const entry of kv.list<StoredTagRow>({ prefix })) {
      const row = entry.value;
      if (!list.lacks(row.rkey)) continue;
      if (!isHeard(row) && row.checkedAt >= since) continue;
      const pending = removals.get(nameOf(entry).repo);
      // A removal in progress deletes it.
      if (pending && isRemoved(row, pending)) continue;
      missing.push(entry);
      if (missing.length > MAX_LOOKUPS) break;
    }
    return missing;
  }

  async #isThere(
    owner: Identity,
    entry: Entry<StoredTagRow>,
  ): Promise<boolean> {
    const { rkey } = entry.value;
    const record = await this.#deps.reader.record(
      owner,
      OWNER_COLLECTIONS.tag,
      rkey,
    );
    const found = readTag(record);
    const { repo, tag } = nameOf(entry);
    return found?.repository === repo && found.tag === tag;
  }
}

function nameOf({ key }: Entry<StoredTagRow>): { repo: string; tag: string } {
  return { repo: String(key.at(-2)), tag: String(key.at(-1)) };
}
