/**
 * Reads names of tags and manifests from the lists of records in an owner's
 * repo, without reading bytes of manifests.
 *
 * @module
 */

import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import type { Did } from "../../did.ts";
import type { Identity } from "../../atproto/identity/identity.ts";
import { readManifest, readTag } from "../../atproto/records/records.ts";
import { manifestRkey, tagsAt } from "../../atproto/records/rkeys.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import { isRepository, isTag } from "../../oci/name.ts";
import { registryKeys } from "../kv_keys.ts";
import type { Admit } from "../../async/admitted_flight.ts";
import {
  type Extent,
  OwnerLists,
  type OwnerListsDeps,
} from "../owners/owner_lists.ts";
import type { ListedRecord, OwnerReader } from "../owners/owner_reader.ts";
import {
  pendingOf,
  type PendingRemovals,
  type RepositoryRow,
  type StoredTagRow,
} from "../rows.ts";
import { GoneTags } from "../lists/gone_tags.ts";
import type { GoneManifests } from "../lists/gone_manifests.ts";
import type { HeardReferrer, HeardRows, HeardTag } from "./heard_rows.ts";
import type { ManifestIndex } from "./manifest_index.ts";

export interface OwnerNamesDeps extends OwnerListsDeps {
  kv: Kv;
  index: ManifestIndex;
  heard: HeardRows;
  reader: Pick<OwnerReader, "isAt" | "pages" | "record">;
  gone: Pick<GoneManifests, "remove">;
  /** Used for records without a hold. */
  defaultHold: Did;
}

type AllRemovals = ReadonlyMap<string, PendingRemovals>;

const { manifest: MANIFEST, tag: TAG } = OWNER_COLLECTIONS;

/** Maximum records read to find the hold of a repository. */
const MAX_PROBES = 3;

/** Reads the lists of owners' records. */
export class OwnerNames {
  readonly #deps: OwnerNamesDeps;
  readonly #lists: OwnerLists;
  readonly #goneTags: GoneTags;

  constructor(deps: OwnerNamesDeps) {
    this.#deps = deps;
    this.#lists = new OwnerLists(deps);
    this.#goneTags = new GoneTags(deps);
  }

  /**
   * Ensures that the tags of an owner are known by name, and relists them after
   * a while to find new and deleted ones.
   */
  ensureTags(owner: Identity, admit?: Admit): Promise<Extent> {
    return this.#lists.ensure(owner, TAG, () => this.listTags(owner, admit));
  }

  /** How much of the tags is known. */
  tagsExtent({ did }: Identity): Promise<Extent> {
    return this.#lists.extent(did, TAG);
  }

  /** The same as {@linkcode ensureTags} for manifests with a subject. */
  ensureReferrers(owner: Identity, admit?: Admit): Promise<Extent> {
    const list = () => this.listManifests(owner, admit);
    return this.#lists.ensure(owner, MANIFEST, list);
  }

  /** Handles an event of the network: lists the tags again soon if ours differ. */
  async tagChanged(did: Did, rkey: string, record: unknown): Promise<void> {
    const isKnown = record === undefined
      ? await this.#isGone(did, rkey)
      : await this.#isCurrent(did, record);
    if (!isKnown) await this.#lists.due(did, TAG);
  }

  /** Handles the event that a manifest's record was deleted: lists the manifests again soon if it is known here. */
  async manifestDeleted(did: Did, rkey: string): Promise<void> {
    const prefix = registryKeys.manifestRepositories(did, `sha256:${rkey}`);
    for await (const _ of this.#deps.kv.list({ prefix }, { limit: 1 })) {
      await this.#lists.due(did, MANIFEST);
    }
  }

  /** Records unknown tags of an owner, and removes deleted ones; returns false when that was done recently. */
  listTags(owner: Identity, admit?: Admit): Promise<boolean> {
    const { index, heard } = this.#deps;
    return this.#lists.read(owner, TAG, {
      before: () => index.removals.readAll(owner.did),
      each: async (page, removals) => {
        const tags = new Map<string, HeardTag[]>();
        for (const { rkey, value } of page) {
          const record = readTag(value);
          if (!record) continue;
          const { repository, tag, digest } = record;
          if (!isRepository(repository) || !isTag(tag)) continue;
          const some = tags.get(repository) ?? [];
          tags.set(repository, [...some, { tag, rkey, digest }]);
        }
        for (const [repo, some] of tags) {
          const ref = { did: owner.did, repo };
          await heard.addTags(ref, some, removalsOf(removals, repo));
        }
      },
      compare: (list, since) => this.#goneTags.remove(owner, list, since),
      admit,
    });
  }

  /**
   * Records manifests with keys chosen by other services, and referrers, and
   * removes deleted manifests; returns false when that was done recently.
   */
  listManifests(owner: Identity, admit?: Admit): Promise<boolean> {
    const { index, gone } = this.#deps;
    return this.#lists.read(owner, MANIFEST, {
      before: () => index.removals.readAll(owner.did),
      each: (page, removals) => this.#noteManifests(owner, page, removals),
      compare: (list, since) => gone.remove(owner, list, since),
      admit,
    });
  }

  /**
   * Returns the repository, created from the records of the first available of
   * its tags and of the referrers of `subject`; undefined when there are none.
   */
  async repository(
    owner: Identity,
    repo: string,
    subject?: Digest,
  ): Promise<RepositoryRow | undefined> {
    const { index, heard, clock, defaultHold } = this.#deps;
    const ref = { did: owner.did, repo };
    const known = await index.repository(ref);
    if (known) return known;
    const referrers = subject
      ? await heard.referrers(ref, subject, MAX_PROBES)
      : [];
    const rkeys = referrers.map(({ rkey }) => rkey);
    for await (const { row } of index.tags(ref, { limit: MAX_PROBES })) {
      const rkey = row.digest
        ? manifestRkey(row.digest)
        : readTag(await this.#record(owner, TAG, row.rkey))?.manifestRkey;
      if (rkey !== undefined) rkeys.push(rkey);
    }
    for (const rkey of rkeys) {
      const record = readManifest(await this.#record(owner, MANIFEST, rkey));
      if (!record) continue;
      const { holdDid = defaultHold, createdAt = clock.now() } = record;
      return await heard.addRepository(ref, holdDid, createdAt);
    }
    return undefined;
  }

  /** Whether no tag is known whose record is at `rkey`; false where its key does not say which. */
  async #isGone(did: Did, rkey: string): Promise<boolean> {
    const names = tagsAt(rkey);
    if (names.length === 0) return false;
    const rows = await this.#deps.kv.getMany<StoredTagRow>(
      names.map(({ repository, tag }) =>
        registryKeys.tag(did, repository, tag)
      ),
    );
    return rows.every((row) => row?.value.rkey !== rkey);
  }

  /** Whether a tag is known to point where its record says. */
  async #isCurrent(did: Did, record: unknown): Promise<boolean> {
    const found = readTag(record);
    if (!found || !isRepository(found.repository) || !isTag(found.tag)) {
      return true;
    }
    const ref = { did, repo: found.repository };
    const row = await this.#deps.index.storedTag(ref, found.tag);
    return row !== undefined && row.value.digest === found.digest;
  }

  #record(owner: Identity, collection: string, rkey: string) {
    return this.#deps.reader.record(owner, collection, rkey);
  }

  async #noteManifests(
    { did }: Identity,
    page: readonly ListedRecord[],
    removals: AllRemovals,
  ): Promise<void> {
    const { kv, index, heard } = this.#deps;
    const places = kv.atomic();
    const referrers = new Map<string, HeardReferrer[]>();
    for (const { rkey, value } of page) {
      const record = readManifest(value);
      if (!record) continue;
      const { digest, repository: repo, subject } = record;
      if (!isRepository(repo)) continue;
      if (rkey !== manifestRkey(digest)) {
        places.set(registryKeys.manifestRecord(did, repo, digest), rkey);
      }
      if (!subject || removalsOf(removals, repo).pending[digest]) continue;
      const some = referrers.get(repo) ?? [];
      referrers.set(repo, [...some, { subject, digest, rkey }]);
    }
    await places.commit();
    for (const [repo, some] of referrers) {
      const ref = { did, repo };
      const known = await index.manifests(ref, some.map((r) => r.digest));
      await heard.addReferrers(ref, some.filter((_, i) => !known[i]));
    }
  }
}

function removalsOf(all: AllRemovals, repo: string): PendingRemovals {
  return all.get(repo) ?? pendingOf(undefined);
}
