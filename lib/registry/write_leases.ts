/**
 * Leases around what one push or delete changes: the writes to one manifest
 * or tag must take the same order in the owner's repo and in the index.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { Kv } from "../kv/kv.ts";
import { MAX_TOGETHER, withLease } from "../kv/lease.ts";
import type { Digest } from "../oci/digest.ts";
import type { RepoRef } from "./manifests/manifest_index.ts";

/** How long a holder that died keeps others waiting, and how long they wait, in milliseconds. */
const TIMES = { ttlMs: 10_000, waitMs: 60_000 };

/** Takes leases in KV, so that they hold across instances. */
export class WriteLeases {
  readonly #kv: Kv;
  readonly #clock: Clock;

  constructor(kv: Kv, clock: Clock) {
    this.#kv = kv;
    this.#clock = clock;
  }

  /**
   * Runs `work` while nobody else writes the manifest (all repositories of an
   * owner share its record) or the tags. The signal given to `work` is aborted
   * when somebody else may write after all: what comes then must not be put
   * over theirs.
   */
  async hold<T>(
    { did, repo }: RepoRef,
    what: { digest?: Digest; tags: readonly string[] },
    work: (lost: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const names = what.tags.map((tag) => `registry/tag/${did}/${repo}/${tag}`);
    if (what.digest) names.push(`registry/manifest/${did}/${what.digest}`);
    // All take them in one order, so that no two wait for each other.
    return await this.#nest(names.sort(), [], work);
  }

  async #nest<T>(
    names: readonly string[],
    outer: readonly AbortSignal[],
    work: (lost: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (names.length === 0) return await work(AbortSignal.any([...outer]));
    return await withLease(
      this.#kv,
      this.#clock,
      names.slice(0, MAX_TOGETHER),
      TIMES,
      (lost) => this.#nest(names.slice(MAX_TOGETHER), [...outer, lost], work),
    );
  }
}
