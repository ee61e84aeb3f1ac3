/**
 * Images that were pushed elsewhere: records of an owner that this registry
 * has never seen, read from the owner's PDS on first access and indexed here.
 *
 * @module
 */

import type { Identity } from "../../atproto/identity/identity.ts";
import {
  readManifest,
  readTag,
  type TagRecord,
} from "../../atproto/records/records.ts";
import { manifestRkey, tagRkey } from "../../atproto/records/rkeys.ts";
import { SingleFlight } from "../../async/single_flight.ts";
import type { Clock } from "../../clock.ts";
import { isAppError } from "../../errors.ts";
import type { Entry, Kv } from "../../kv/kv.ts";
import type { Logger } from "../../log.ts";
import type { Digest } from "../../oci/digest.ts";
import { childManifests, parseManifest } from "../../oci/manifest.ts";
import type { ManifestContent } from "./content.ts";
import { registryKeys } from "../kv_keys.ts";
import type { FoundManifest, ManifestImport } from "./manifest_import.ts";
import type { ManifestIndex, RepoRef } from "./manifest_index.ts";
import { type PendingRemovals, RemovalsChangedError } from "./removals.ts";
import { isPending, isSame } from "./tag_comparison.ts";
import { OwnerLists } from "../owners/owner_lists.ts";
import type { OwnerReader } from "../owners/owner_reader.ts";
import type { ManifestRow, TagRow } from "../rows.ts";

/** What {@linkcode Discovery} needs. */
export interface DiscoveryDeps {
  kv: Kv;
  clock: Clock;
  log: Logger;
  reader: OwnerReader;
  index: ManifestIndex;
  content: ManifestContent;
  imports: ManifestImport;
  /** Age at which a list of an owner's records is read again, in milliseconds. */
  relistMs: number;
}

const MANIFEST = "io.atcr.manifest";
const TAG = "io.atcr.tag";

/** Manifests that are looked up because a tag leads to an index of them. */
const MAX_CHILDREN = 100;

/** Reads owners' records into the index. */
export class Discovery {
  readonly #deps: DiscoveryDeps;
  readonly #lists: OwnerLists;
  readonly #flights = new SingleFlight();

  constructor(deps: DiscoveryDeps) {
    this.#deps = deps;
    this.#lists = new OwnerLists(deps);
  }

  /** Looks a tag up in the owner's repo and indexes it; undefined when there is none. */
  findTag(
    owner: Identity,
    repo: string,
    tag: string,
  ): Promise<TagRow | undefined> {
    return this.#once(`tag ${owner.did} ${repo} ${tag}`, async () => {
      const { index, reader } = this.#deps;
      const ref = { did: owner.did, repo };
      const removals = await index.removals.read(ref);
      const before = await index.tag(ref, tag);
      const rkey = tagRkey(repo, tag);
      const found = readTag(await reader.record(owner, TAG, rkey));
      if (found?.repository === repo && found.tag === tag) {
        return await this.#indexTag(owner, found, rkey, before, removals);
      }
      if (!await this.#listTags(owner)) return undefined;
      return (await index.tag(ref, tag))?.value;
    });
  }

  /**
   * Compares the index with the owner's repo for one tag: a tag that moved
   * there moves here, one that is gone there goes here. Changes nothing when
   * the tag was pushed here meanwhile.
   */
  recheckTag(owner: Identity, repo: string, tag: string): Promise<void> {
    return this.#once(`recheck ${owner.did} ${repo} ${tag}`, async () => {
      const { index, reader } = this.#deps;
      const ref = { did: owner.did, repo };
      const removals = await index.removals.read(ref);
      const before = await index.tag(ref, tag);
      if (!before) return;
      const { rkey } = before.value;
      const found = readTag(await reader.record(owner, TAG, rkey));
      if (found?.repository !== repo || found.tag !== tag) {
        // A PDS that the account has left, or that does not show it now,
        // says nothing of its tags.
        if (!await reader.isAt(owner)) return;
        await index.removeTag(ref, tag, before);
      } else {
        await this.#indexTag(owner, found, rkey, before, removals);
      }
    });
  }

  /** Looks a manifest up in the owner's repo and indexes it; undefined when there is none. */
  findManifest(
    owner: Identity,
    repo: string,
    digest: Digest,
  ): Promise<ManifestRow | undefined> {
    return this.#findManifest(owner, { did: owner.did, repo }, digest, false);
  }

  /**
   * A manifest that a tag of the repository leads to may have a record that
   * names another repository of the owner (`tagged`): there is one record for
   * all.
   */
  #findManifest(
    owner: Identity,
    ref: RepoRef,
    digest: Digest,
    tagged: boolean,
  ): Promise<ManifestRow | undefined> {
    const name = `manifest ${ref.did} ${ref.repo} ${digest} ${tagged}`;
    const find = async () => {
      const { index } = this.#deps;
      // Before the record is read: it may be removed at that moment.
      const removals = await index.removals.read(ref);
      if (removals.pending[digest]) return await index.manifest(ref, digest);
      const fits = (found: FoundManifest | undefined) =>
        found?.record.digest === digest &&
          (tagged || found.record.repository === ref.repo)
          ? found
          : undefined;
      const found = fits(await this.#manifestAt(owner, manifestRkey(digest))) ??
        fits(await this.#manifestElsewhere(owner, ref, digest));
      return found &&
        await this.#deps.imports.add(owner, ref, found, removals);
    };
    // Once more where another manifest of the repository was deleted meanwhile.
    return this.#once(name, () =>
      find().catch((error) => {
        if (!(error instanceof RemovalsChangedError)) throw error;
        return find();
      }));
  }

  /** Makes sure that the tags of an owner that we have never seen are known, and sees to it that new ones get known. */
  ensureTagsListed(owner: Identity): Promise<void> {
    const list = (again: boolean) => this.#listTags(owner, again);
    return this.#lists.ensure(owner, TAG, list);
  }

  /** The same for manifests with a subject. */
  ensureReferrersListed(owner: Identity): Promise<void> {
    return this.#lists.ensure(
      owner,
      MANIFEST,
      () => this.#listManifests(owner),
    );
  }

  /** Indexes all tag records of an owner; false when that was done a moment ago. */
  #listTags(owner: Identity, again = false): Promise<boolean> {
    const { clock, index, reader } = this.#deps;
    const begunAt = clock.now();
    return this.#lists.read(owner, TAG, async (rkey, value) => {
      const tag = readTag(value);
      if (!tag) return;
      const ref = { did: owner.did, repo: tag.repository };
      const removals = await index.removals.read(ref);
      const before = await index.tag(ref, tag.tag);
      if (!before && isPending(tag, removals)) return;
      if (before && isSame(before.value, tag)) return;
      // What was pushed or deleted here meanwhile is newer than the list.
      if (before && before.value.checkedAt >= begunAt) return;
      const isOld = again || removals.versionstamp !== null;
      if (isOld && !before && !await reader.record(owner, TAG, rkey)) return;
      await this.#indexTag(owner, tag, rkey, before, removals);
    });
  }

  /**
   * Notes where manifest records with keys of another making are, and indexes
   * those with a subject; false when that was done a moment ago.
   */
  #listManifests(owner: Identity): Promise<boolean> {
    const { kv, index } = this.#deps;
    return this.#lists.read(owner, MANIFEST, async (rkey, value) => {
      const record = readManifest(value);
      if (!record) return;
      const { digest, repository } = record;
      if (rkey !== manifestRkey(digest)) {
        const key = registryKeys.manifestRecord(owner.did, repository, digest);
        await kv.set(key, rkey);
      }
      const ref = { did: owner.did, repo: repository };
      if (!record.hasSubject || await index.manifest(ref, digest)) return;
      const removals = await index.removals.read(ref);
      // The list may be older than a delete that is over, the record is not.
      const found = removals.pending[digest]
        ? undefined
        : await this.#manifestAt(owner, rkey);
      if (found?.record.digest !== digest) return;
      await this.#deps.imports.add(owner, ref, found, removals);
    });
  }

  async #manifestAt(
    owner: Identity,
    rkey: string,
  ): Promise<FoundManifest | undefined> {
    const { reader } = this.#deps;
    const record = readManifest(await reader.record(owner, MANIFEST, rkey));
    return record && { rkey, record };
  }

  /** Finds a manifest whose record has a key of another making. */
  async #manifestElsewhere(
    owner: Identity,
    ref: RepoRef,
    digest: Digest,
  ): Promise<FoundManifest | undefined> {
    const { kv } = this.#deps;
    const key = registryKeys.manifestRecord(ref.did, ref.repo, digest);
    let place = await kv.get<string>(key);
    if (!place && await this.#listManifests(owner)) place = await kv.get(key);
    return place && await this.#manifestAt(owner, place.value);
  }

  /** The digest that a tag stands for; some name the manifest by a record's key only. */
  async #target(
    owner: Identity,
    tag: TagRecord,
    removals: PendingRemovals,
  ): Promise<Digest | undefined> {
    if (tag.digest !== undefined) return tag.digest;
    if (tag.manifestRkey === undefined) return undefined;
    const found = await this.#manifestAt(owner, tag.manifestRkey);
    if (found?.record.repository !== tag.repository) return undefined;
    const ref = { did: owner.did, repo: tag.repository };
    const { digest } = found.record;
    if (!removals.pending[digest]) {
      await this.#deps.imports.add(owner, ref, found, removals);
    }
    return digest;
  }

  async #indexTag(
    owner: Identity,
    tag: TagRecord,
    rkey: string,
    before: Entry<TagRow> | undefined,
    removals: PendingRemovals,
  ): Promise<TagRow | undefined> {
    const { index, clock } = this.#deps;
    const ref = { did: owner.did, repo: tag.repository };
    const digest = await this.#target(owner, tag, removals);
    if (digest === undefined) return undefined;
    // Its record is still there, but the owner has deleted it here.
    const isKnown = before?.value.digest === digest;
    if (removals.pending[digest] && !isKnown) return undefined;
    const manifest = await index.manifest(ref, digest) ??
      await this.#findManifest(owner, ref, digest, true);
    if (!manifest) return undefined;
    // An index that was pushed here names what its repository has. Reading more
    // into it would open other repositories to who may push to this one only.
    if (manifest.imported) {
      await this.#findChildren(owner, ref, digest, manifest);
    }
    const row: TagRow = {
      digest,
      mediaType: manifest.mediaType,
      size: manifest.size,
      holdDid: manifest.holdDid,
      updatedAt: tag.updatedAt ?? manifest.createdAt,
      checkedAt: clock.now(),
      rkey,
    };
    // Somebody who moved the tag meanwhile knows better than what we read before.
    const stored = await index.setTag(ref, tag.tag, row, before, removals);
    return stored ? row : (await index.tag(ref, tag.tag))?.value;
  }

  /** Indexes the manifests of an index that a tag leads to; those that cannot be had are left out. */
  async #findChildren(
    owner: Identity,
    ref: RepoRef,
    digest: Digest,
    { mediaType }: ManifestRow,
    budget = { left: MAX_CHILDREN },
  ): Promise<void> {
    const { index, content, log } = this.#deps;
    const bytes = await content.get(digest);
    if (!bytes) return;
    const children = childManifests(parseManifest(bytes, mediaType));
    await Promise.all(children.map(async (child) => {
      if (budget.left-- <= 0 || await index.manifest(ref, child.digest)) return;
      try {
        const row = await this.#findManifest(owner, ref, child.digest, true);
        if (row) {
          await this.#findChildren(owner, ref, child.digest, row, budget);
        }
      } catch (error) {
        if (!isAppError(error)) throw error;
        log.warn("manifest of an index not found", { ...ref, digest, error });
      }
    }));
  }

  /** Runs `work` once for all who ask for the same thing meanwhile. */
  #once<T>(name: string, work: () => Promise<T>): Promise<T> {
    return this.#flights.run(name, undefined, work);
  }
}
