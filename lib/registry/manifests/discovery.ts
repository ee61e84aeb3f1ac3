/**
 * Discovers images pushed elsewhere: records that this registry has never seen
 * are read from the owner's PDS on first access and indexed here.
 *
 * @module
 */

import type { Identity } from "../../atproto/identity/identity.ts";
import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import { readTag, type TagRecord } from "../../atproto/records/records.ts";
import { manifestRkey, tagRkey } from "../../atproto/records/rkeys.ts";
import { type Admit, AdmittedFlight } from "../../async/admitted_flight.ts";
import { inParallel } from "../../async/in_parallel.ts";
import type { Clock } from "../../clock.ts";
import { type AppError, isAppError } from "../../errors.ts";
import type { Entry, Kv } from "../../kv/kv.ts";
import type { Logger } from "../../log.ts";
import type { Digest } from "../../oci/digest.ts";
import { stillReading } from "../lists/doubts.ts";
import type { ManifestContent } from "./content.ts";
import type { HeardRows } from "./heard_rows.ts";
import type { FoundManifest, ManifestImport } from "./manifest_import.ts";
import type { ManifestIndex, RepoRef } from "./manifest_index.ts";
import type { OwnerNames } from "./owner_names.ts";
import type { OwnerReader } from "../owners/owner_reader.ts";
import {
  isHeard,
  type ManifestRow,
  type PendingRemovals,
  type StoredTagRow,
  type TagRow,
} from "../rows.ts";
import { ManifestPlaces } from "./manifest_places.ts";
import { whileRemovalsChange } from "../write_leases.ts";

export interface DiscoveryDeps {
  kv: Kv;
  clock: Clock;
  log: Logger;
  reader: OwnerReader;
  index: ManifestIndex;
  names: OwnerNames;
  heard: HeardRows;
  content: ManifestContent;
  imports: ManifestImport;
}

const TAG = OWNER_COLLECTIONS.tag;

/** Maximum referrers read for one request, and their concurrency. */
const MAX_REFERRERS = 100;
const PARALLEL = 4;

/** Reads owners' records into the index. */
export class Discovery {
  readonly #deps: DiscoveryDeps;
  readonly #places: ManifestPlaces;
  readonly #flights = new AdmittedFlight();

  constructor(deps: DiscoveryDeps) {
    this.#deps = deps;
    this.#places = new ManifestPlaces(deps);
  }

  /** Looks a tag up in the owner's repo and indexes it; undefined when there is none. `caller` counts the pages of lists that are read for this caller. */
  findTag(
    owner: Identity,
    repo: string,
    tag: string,
    caller?: Admit,
  ): Promise<TagRow | undefined> {
    const name = `tag ${owner.did} ${repo} ${tag}`;
    return this.#once(name, caller, async (admit) => {
      const { index, reader } = this.#deps;
      const ref = { did: owner.did, repo };
      const look = async (rkey: string) => {
        const removals = await index.removals.read(ref);
        const before = await index.storedTag(ref, tag);
        const found = readTag(await reader.record(owner, TAG, rkey));
        if (found?.repository !== repo || found.tag !== tag) return undefined;
        return await this.#indexTag(
          owner,
          found,
          rkey,
          before,
          removals,
          admit,
        );
      };
      const rkey = tagRkey(repo, tag);
      const row = await look(rkey);
      if (row) return row;
      let heard = await index.storedTag(ref, tag);
      if (!heard && await this.#deps.names.listTags(owner, admit)) {
        heard = await index.storedTag(ref, tag);
      }
      if (!heard) {
        const extent = await this.#deps.names.tagsExtent(owner);
        if (extent === "reading") throw stillReading(owner);
        return undefined;
      }
      if (!isHeard(heard.value)) return heard.value;
      const elsewhere = heard.value.rkey === rkey
        ? undefined
        : await look(heard.value.rkey);
      // It no longer exists, if the PDS hosts the account at all.
      if (!elsewhere && await reader.isAt(owner)) {
        await index.tagChanges.remove(ref, tag, heard);
      }
      return elsewhere;
    });
  }

  /**
   * Updates one tag in the index from the owner's repo: moves it if it was
   * moved there, deletes it if it was deleted there. Changes nothing when the
   * tag was pushed here meanwhile.
   */
  recheckTag(owner: Identity, repo: string, tag: string): Promise<void> {
    const name = `recheck ${owner.did} ${repo} ${tag}`;
    return this.#once(name, undefined, async () => {
      const { index, reader } = this.#deps;
      const ref = { did: owner.did, repo };
      const removals = await index.removals.read(ref);
      const before = await index.tag(ref, tag);
      if (!before) return;
      const { rkey } = before.value;
      const found = readTag(await reader.record(owner, TAG, rkey));
      if (found?.repository !== repo || found.tag !== tag) {
        // A PDS that the account has left, or where it is inactive, proves nothing about its tags.
        if (!await reader.isAt(owner)) return;
        await index.tagChanges.remove(ref, tag, before);
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
    admit?: Admit,
  ): Promise<ManifestRow | undefined> {
    const ref = { did: owner.did, repo };
    return this.#findManifest(owner, ref, digest, false, admit);
  }

  /**
   * The record of a manifest referenced by a tag (`tagged`) or an index of the
   * repository may name another repository of the owner: all share one record.
   */
  #findManifest(
    owner: Identity,
    ref: RepoRef,
    digest: Digest,
    tagged: boolean,
    caller?: Admit,
  ): Promise<ManifestRow | undefined> {
    const name = `manifest ${ref.did} ${ref.repo} ${digest} ${tagged}`;
    const find = async (admit: Admit | undefined) => {
      const { index, heard } = this.#deps;
      // Read before the record, which may be removed concurrently.
      const removals = await index.removals.read(ref);
      if (removals.pending[digest]) return await index.manifest(ref, digest);
      const isAny = tagged || await heard.isChild(ref, digest);
      const fits = (found: FoundManifest | undefined) =>
        found?.record.digest === digest &&
          (isAny || found.record.repository === ref.repo)
          ? found
          : undefined;
      const found = fits(await this.#places.at(owner, manifestRkey(digest))) ??
        fits(await this.#places.elsewhere(owner, ref, digest, admit));
      return found &&
        await this.#deps.imports.add(owner, ref, found, removals);
    };
    return this.#once(name, caller, find);
  }

  /**
   * Returns the exact bytes of a manifest, read again from the owner's repo if
   * they are not stored here; undefined when they are unavailable.
   */
  async bytes(
    owner: Identity,
    repo: string,
    digest: Digest,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { content } = this.#deps;
    const known = content.peek(digest) ?? await content.get(digest);
    if (known) return known;
    await this.findManifest(owner, repo, digest);
    return await content.get(digest);
  }

  /**
   * Reads referrers of `subject` that are known only by name, some at a time;
   * returns false when more are left.
   */
  async readReferrers(
    owner: Identity,
    repo: string,
    subject: Digest,
    admit?: Admit,
  ): Promise<boolean> {
    const { heard, log } = this.#deps;
    const ref = { did: owner.did, repo };
    const referrers = await heard.referrers(ref, subject, MAX_REFERRERS + 1);
    const some = referrers.slice(0, MAX_REFERRERS);
    await inParallel(some, PARALLEL, async (referrer) => {
      const { digest } = referrer;
      await admit?.();
      try {
        await this.#findManifest(owner, ref, digest, false, admit);
        await heard.dropReferrer(ref, referrer);
      } catch (error) {
        if (!isAppError(error)) throw error;
        log.warn("referrer not read", { ...ref, digest, error });
        if (isFinal(error)) await heard.dropReferrer(ref, referrer);
      }
    });
    return referrers.length === some.length;
  }

  /** The digest of a tag; some tags contain only the key of the manifest's record. */
  async #target(
    owner: Identity,
    tag: TagRecord,
    removals: PendingRemovals,
  ): Promise<Digest | undefined> {
    if (tag.digest !== undefined) return tag.digest;
    if (tag.manifestRkey === undefined) return undefined;
    const found = await this.#places.at(owner, tag.manifestRkey);
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
    before: Entry<StoredTagRow> | undefined,
    removals: PendingRemovals,
    admit?: Admit,
  ): Promise<TagRow | undefined> {
    const { index, clock } = this.#deps;
    const ref = { did: owner.did, repo: tag.repository };
    const digest = await this.#target(owner, tag, removals);
    if (digest === undefined) return undefined;
    // Its record is still there, but the owner has deleted it here.
    const isKnown = before?.value.digest === digest;
    if (removals.pending[digest] && !isKnown) return undefined;
    const manifest = await index.manifest(ref, digest) ??
      await this.#findManifest(owner, ref, digest, true, admit);
    if (!manifest) return undefined;
    const row: TagRow = {
      digest,
      mediaType: manifest.mediaType,
      size: manifest.size,
      holdDid: manifest.holdDid,
      updatedAt: tag.updatedAt ?? manifest.createdAt,
      checkedAt: clock.now(),
      rkey,
    };
    // A concurrent change of the tag takes precedence over what was read before.
    const stored = await index.tagChanges.set(
      ref,
      tag.tag,
      row,
      before,
      removals,
    );
    return stored ? row : (await index.tag(ref, tag.tag))?.value;
  }

  /**
   * Runs `work` once for all concurrent callers, and again if something in the
   * repository was deleted before it ended.
   */
  #once<T>(
    name: string,
    admit: Admit | undefined,
    work: (admit: Admit | undefined) => Promise<T>,
  ): Promise<T> {
    return this.#flights.run(
      name,
      admit,
      (counted) => whileRemovalsChange(() => work(counted)),
    );
  }
}

/** Whether a manifest will not become readable by a retry. */
function isFinal(error: AppError): boolean {
  return isAppError(error, "MANIFEST_INVALID", "TOO_LARGE");
}
