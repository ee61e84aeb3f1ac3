/**
 * Checks indexed manifests against their records. Another program may have
 * removed a record; then the manifest must not be served for ever, because the
 * hold removes its blobs.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import type { Identity } from "../../atproto/identity/identity.ts";
import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import { readManifest } from "../../atproto/records/records.ts";
import { manifestRkey } from "../../atproto/records/rkeys.ts";
import { type Clock, isWithin } from "../../clock.ts";
import type { Entry, Kv } from "../../kv/kv.ts";
import { isAppError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Reference } from "../../oci/name.ts";
import { registryKeys } from "../kv_keys.ts";
import type { OwnerReader } from "../owners/owner_reader.ts";
import type { ManifestRow } from "../rows.ts";
import type { WriteLeases } from "../write_leases.ts";
import type { Discovery } from "./discovery.ts";
import type { ManifestIndex, RepoRef } from "./manifest_index.ts";

export interface RecordCheckDeps {
  kv: Kv;
  clock: Clock;
  log: Logger;
  leases: WriteLeases;
  reader: Pick<OwnerReader, "record" | "isAt">;
  index: ManifestIndex;
  discovery: Pick<Discovery, "recheckTag">;
  /** Minimum interval of checks of a manifest, in milliseconds. */
  intervalMs: number;
}

const { manifest: MANIFEST } = OWNER_COLLECTIONS;

/** Size of the cache of last checks. */
const MAX_REMEMBERED = 10_000;

/**
 * How long the result of an immediate check is shared, in milliseconds.
 * Concurrent requests for one tag cost the PDS at most ten checks per second.
 */
const CONFIRMED_MS = 100;

/** An immediate check. */
interface Confirmation {
  /** Milliseconds since the Unix epoch. */
  readonly begun: number;
  readonly done: Promise<void>;
  /** Its number among the checks that have ended; undefined before. */
  ended?: number;
}

/** Checks records of manifests. */
export class RecordCheck {
  readonly #deps: RecordCheckDeps;
  /** Time of the last check by this process, in milliseconds since the Unix epoch. */
  readonly #checkedAt = new LRUCache<string, number>({ max: MAX_REMEMBERED });

  /** Immediate checks with their start time. */
  readonly #confirmations = new LRUCache<
    string,
    Confirmation
  >({ max: MAX_REMEMBERED });
  #ended = 0;

  constructor(deps: RecordCheckDeps) {
    this.#deps = deps;
  }

  /**
   * Checks in the background, unless that was done recently, or the manifest
   * was pushed since (`knownSince`, in milliseconds since the Unix epoch). A
   * manifest whose record is certainly deleted is removed from the index with
   * its tags; when the owner's PDS cannot be reached nothing changes.
   */
  later(
    owner: Identity,
    repo: string,
    digest: Digest,
    knownSince: number,
  ): void {
    const { clock, log, intervalMs } = this.#deps;
    const key = `${owner.did} ${repo} ${digest}`;
    const now = clock.now();
    // A manifest pushed just now has its record.
    const last = this.#checkedAt.get(key) ?? knownSince;
    if (isWithin(last, intervalMs, now)) return;
    this.#checkedAt.set(key, now);
    this.check(owner, repo, digest).catch((error) =>
      log.debug("manifest not compared with the owner's repo", {
        did: owner.did,
        repo,
        digest,
        error,
      })
    );
  }

  /** Number of immediate checks that have ended. */
  get ended(): number {
    return this.#ended;
  }

  /**
   * Checks immediately, together with the tag by which the manifest was found,
   * or shares a check started within the last tenth of a second. When the
   * owner's PDS cannot be reached nothing changes.
   *
   * @param seen the value of {@linkcode ended} before the index was read
   * @returns whether the index may have changed since
   */
  async now(
    owner: Identity,
    repo: string,
    digest: Digest,
    reference: Reference,
    seen = 0,
  ): Promise<boolean> {
    const tag = reference.kind === "tag" ? reference.tag : "";
    const key = `${owner.did} ${repo} ${digest} ${tag}`;
    const now = this.#deps.clock.now();
    const last = this.#confirmations.get(key);
    if (last && isWithin(last.begun, CONFIRMED_MS, now)) {
      if (last.ended !== undefined && last.ended <= seen) return false;
      await last.done;
      return true;
    }
    const done = this.#confirm(owner, repo, digest, reference);
    const confirmation: Confirmation = { begun: now, done };
    this.#confirmations.set(key, confirmation);
    await done;
    confirmation.ended = ++this.#ended;
    return true;
  }

  async #confirm(
    owner: Identity,
    repo: string,
    digest: Digest,
    reference: Reference,
  ): Promise<void> {
    const { log, discovery } = this.#deps;
    try {
      await Promise.all([
        this.check(owner, repo, digest),
        ...(reference.kind === "tag"
          ? [discovery.recheckTag(owner, repo, reference.tag)]
          : []),
      ]);
    } catch (error) {
      if (!isAppError(error)) throw error;
      const { did } = owner;
      log.debug("manifest not confirmed", { did, repo, digest, error });
    }
  }

  /**
   * Removes a manifest from the index if its record is deleted. Throws the
   * errors of the owner's PDS.
   */
  async check(owner: Identity, repo: string, digest: Digest): Promise<void> {
    const { kv, index, leases } = this.#deps;
    const ref = { did: owner.did, repo };
    const row = await index.manifest(ref, digest);
    if (!row || !await this.#isGone(owner, row, digest)) return;
    // A concurrent push may be about to write the record again.
    await leases.hold(ref, { digest, tags: [] }, async (lost) => {
      const now = await kv.get<ManifestRow>(
        registryKeys.manifest(ref.did, ref.repo, digest),
      );
      if (!now || !await this.#isGone(owner, now.value, digest)) return;
      await this.#forget(ref, digest, now, lost);
    });
  }

  async #isGone(
    owner: Identity,
    { rkey }: ManifestRow,
    digest: Digest,
  ): Promise<boolean> {
    const { reader } = this.#deps;
    for (const key of new Set([rkey ?? "", manifestRkey(digest)])) {
      if (key === "") continue;
      const record = readManifest(await reader.record(owner, MANIFEST, key));
      if (record?.digest === digest) return false;
    }
    return await reader.isAt(owner);
  }

  /**
   * Removes the manifest with the tags that point to it, which the owner's repo
   * does not prove either.
   */
  async #forget(
    ref: RepoRef,
    digest: Digest,
    expected: Entry<ManifestRow>,
    lost: AbortSignal,
  ): Promise<void> {
    const { kv, index, log } = this.#deps;
    const { did, repo } = ref;
    const prefix = registryKeys.manifestTags(did, repo, digest);
    for await (const { key } of kv.list({ prefix })) {
      lost.throwIfAborted();
      await index.tagChanges.removeWhile(
        ref,
        String(key.at(-1)),
        (row) => row.digest === digest,
      );
    }
    // It may have been pushed meanwhile.
    if (!await index.removals.forget(ref, digest, expected)) return;
    log.info("manifest without a record left the index", { ...ref, digest });
  }
}
