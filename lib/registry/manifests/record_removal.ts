/**
 * Steps that remove the records of a deleted manifest from the owner's repo.
 * Each reads again what is deleted while no tag can be set here, so that a tag
 * pushed again stays.
 *
 * @module
 */

import type { PdsSession } from "../../atproto/pds/pds.ts";
import type { TagRecord } from "../../atproto/records/records.ts";
import { manifestRkey } from "../../atproto/records/rkeys.ts";
import type { Digest } from "../../oci/digest.ts";
import type { OwnerRecords } from "../owners/owner_records.ts";
import type { RemovalRow } from "../rows.ts";
import type { WriteLeases } from "../write_leases.ts";
import type { ManifestIndex, RepoRef } from "./manifest_index.ts";
import type { DeletedTag } from "./removals.ts";

export interface RecordRemovalDeps {
  leases: WriteLeases;
  index: ManifestIndex;
  records: OwnerRecords;
}

/** A removal in progress. */
export interface Removing {
  readonly ref: RepoRef;
  readonly digest: Digest;
  readonly removal: RemovalRow;
  readonly session: PdsSession;
  /** Aborts the work; completed steps stay. */
  readonly signal: AbortSignal;
}

/** Tag records removed per commit. */
export const BATCH = 100;

/** Removes records together with the rows of tags. */
export class RecordRemoval {
  readonly #deps: RecordRemovalDeps;

  constructor(deps: RecordRemovalDeps) {
    this.#deps = deps;
  }

  /**
   * Removes everything in one commit and ends the removal: right after the
   * deletion from the index, when no other service can have written the records
   * again. Call it while holding the lease of the manifest.
   */
  async atOnce(
    { ref, digest, removal, session, signal }: Removing,
    maxTags: number,
  ): Promise<void> {
    const { index, leases, records } = this.#deps;
    const { manifestRkeys, heir } = await this.#recordsOf(ref, digest, removal);
    await leases.removing(ref, signal, async (ended) => {
      const lost = AbortSignal.any([ended, signal]);
      const tags = await index.removals.tags(ref, digest, removal, maxTags);
      const tagRkeys = tags.map(({ row }) => row.rkey);
      await records.remove(session, { manifestRkeys, tagRkeys }, lost);
      if (heir !== undefined) {
        await records.bequeath(session, digest, heir, lost);
      }
      lost.throwIfAborted();
      await index.removals.drop(ref, digest, tags);
      await index.removals.end(ref, digest, removal);
    });
  }

  /** Removes the manifest's record, unless it was pushed again meanwhile. */
  async manifest(removing: Removing): Promise<void> {
    const { index, leases, records } = this.#deps;
    const { ref, digest, removal, session, signal } = removing;
    await leases.hold(ref, { digest, tags: [] }, async (lost) => {
      if (!await index.manifest(ref, digest)) {
        const found = await this.#recordsOf(ref, digest, removal);
        const { manifestRkeys, heir } = found;
        await records.remove(session, { manifestRkeys, tagRkeys: [] }, lost);
        if (heir !== undefined) {
          await records.bequeath(session, digest, heir, lost);
        }
      }
      lost.throwIfAborted();
      await index.removals.recordDone(ref, digest, removal);
    }, signal);
  }

  /**
   * Keys of the manifest's records to remove. A manifest has one record, shared
   * by all repositories of its owner.
   */
  async #recordsOf(ref: RepoRef, digest: Digest, { rkey }: RemovalRow) {
    const [heir] = await this.#deps.index.otherRepositories(ref, digest);
    const manifestRkeys = rkey === undefined ? [] : [rkey];
    if (heir === undefined) manifestRkeys.push(manifestRkey(digest));
    return { manifestRkeys, heir };
  }

  /**
   * Removes deleted tags found in the page at `cursor` of the list of the
   * owner's tags; returns how many, and the cursor of the next page.
   */
  async listed(
    removing: Removing,
    cursor: string | undefined,
  ): Promise<{ found: number; next: string | undefined }> {
    const { ref, digest, session, signal } = removing;
    const page = await this.#deps.records.tagPage(session, cursor, signal);
    const rkeys = new Map(
      page.tags.filter(({ record }) =>
        record.repository === ref.repo && leadsTo(record, digest)
      ).map(({ rkey, record }) => [record.tag, rkey]),
    );
    await this.#removeTags(
      removing,
      [...rkeys.keys()],
      (tag, rkey) => rkeys.get(tag) === rkey,
    );
    return { found: rkeys.size, next: page.cursor };
  }

  /** Removes the records of `tags` that still point to the manifest, and the rows of all `tags`. */
  async lookedUp(
    removing: Removing,
    tags: readonly DeletedTag[],
  ): Promise<void> {
    const { records } = this.#deps;
    const { ref, digest, session, signal } = removing;
    const found = await Promise.all(tags.map(async ({ tag, row }) => {
      const record = await records.tagAt(session, row.rkey, signal);
      const isThere = record?.repository === ref.repo &&
        record.tag === tag && leadsTo(record, digest);
      return { tag, isThere };
    }));
    const there = new Set(
      found.flatMap(({ tag, isThere }) => isThere ? [tag] : []),
    );
    const names = tags.map(({ tag }) => tag);
    await this.#removeTags(removing, names, (tag) => there.has(tag), true);
  }

  /**
   * Removes those of the tags that are still deleted: the records for which
   * `isThere` returns true, and the rows of these or, with `allRows`, of all.
   */
  async #removeTags(
    { ref, digest, removal, session, signal }: Removing,
    names: readonly string[],
    isThere: (tag: string, rkey: string) => boolean,
    allRows = false,
  ): Promise<void> {
    const { index: { removals }, leases, records } = this.#deps;
    for (let i = 0; i < names.length; i += BATCH) {
      const batch = names.slice(i, i + BATCH);
      await leases.removing(ref, signal, async (lost) => {
        const deleted = await removals.deleted(ref, digest, removal, batch);
        const there = deleted.filter(({ tag, row }) => isThere(tag, row.rkey));
        const tagRkeys = there.map(({ row }) => row.rkey);
        await records.remove(session, { manifestRkeys: [], tagRkeys }, lost);
        lost.throwIfAborted();
        await removals.drop(ref, digest, allRows ? deleted : there);
      });
    }
  }
}

/** Whether a tag points to a manifest; some contain only the key of its record. */
function leadsTo(record: TagRecord, digest: Digest): boolean {
  return record.digest === undefined
    ? record.manifestRkey === manifestRkey(digest)
    : record.digest === digest;
}
