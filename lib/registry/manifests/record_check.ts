/**
 * Checks manifests that are pulled against their records, which another program
 * may have deleted.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import type { Identity } from "../../atproto/identity/identity.ts";
import { type Clock, isWithin } from "../../clock.ts";
import { isAppError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Reference } from "../../oci/name.ts";
import type { Discovery } from "./discovery.ts";
import type { GoneManifests } from "../lists/gone_manifests.ts";

export interface RecordCheckDeps {
  clock: Clock;
  log: Logger;
  gone: Pick<GoneManifests, "check">;
  discovery: Pick<Discovery, "recheckTag">;
  /** Minimum interval of checks of a manifest, in milliseconds. */
  intervalMs: number;
}

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
    const { clock, log, gone, intervalMs } = this.#deps;
    const key = `${owner.did} ${repo} ${digest}`;
    const now = clock.now();
    // A manifest pushed just now has its record.
    const last = this.#checkedAt.get(key) ?? knownSince;
    if (isWithin(last, intervalMs, now)) return;
    this.#checkedAt.set(key, now);
    gone.check(owner, repo, digest).catch((error) =>
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
    const { log, gone, discovery } = this.#deps;
    try {
      await Promise.all([
        gone.check(owner, repo, digest),
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
}
