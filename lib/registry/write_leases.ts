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
import {
  type PendingRemovals,
  type Removals,
  whileRemovalsChange,
} from "./manifests/removals.ts";

/** How long a holder that died keeps others waiting, and how long they wait, in milliseconds. */
const TIMES = { ttlMs: 10_000, waitMs: 60_000 };

/** Takes leases in KV, so that they hold across instances. */
export class WriteLeases {
  readonly #kv: Kv;
  readonly #clock: Clock;
  readonly #removals: Pick<Removals, "read">;

  constructor(kv: Kv, clock: Clock, removals: Pick<Removals, "read">) {
    this.#kv = kv;
    this.#clock = clock;
    this.#removals = removals;
  }

  /**
   * Runs `work` while nobody else writes the manifest (all repositories of an
   * owner share its record) or the tags. The signal given to `work` is aborted
   * when somebody else may write after all: what comes then must not be put
   * over theirs. An aborted `signal` ends the wait with its reason.
   */
  async hold<T>(
    { did, repo }: RepoRef,
    what: { digest?: Digest; tags: readonly string[] },
    work: (lost: AbortSignal) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const names = what.tags.map((tag) => `registry/tag/${did}/${repo}/${tag}`);
    if (what.digest) names.push(`registry/manifest/${did}/${what.digest}`);
    // All take them in one order, so that no two wait for each other.
    return await this.#nest(names.sort(), [], signal, work);
  }

  /**
   * As {@linkcode hold}, for work that sets the tags: it does not meet a
   * removal in the repository. `work` also gets the removals as they are, and
   * runs again when it throws {@linkcode RemovalsChangedError}.
   */
  async write<T>(
    ref: RepoRef,
    what: { digest?: Digest; tags: readonly string[] },
    work: (lost: AbortSignal, removals: PendingRemovals) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    return await this.hold(
      ref,
      what,
      (lost) => this.#besideRemovals(ref, lost, signal, work),
      signal,
    );
  }

  /**
   * Runs `work` while nobody sets a tag of the repository, as long as a
   * removal is under way in it. Tags and records that are removed inside
   * cannot be written at the same time.
   */
  async removing<T>(
    { did, repo }: RepoRef,
    signal: AbortSignal | undefined,
    work: (lost: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const names = [`registry/removal/${did}/${repo}`];
    return await this.#nest(names, [], signal, work);
  }

  async #besideRemovals<T>(
    ref: RepoRef,
    lost: AbortSignal,
    signal: AbortSignal | undefined,
    work: (lost: AbortSignal, removals: PendingRemovals) => Promise<T>,
  ): Promise<T> {
    return await whileRemovalsChange(async () => {
      const removals = await this.#removals.read(ref);
      if (Object.keys(removals.pending).length === 0) {
        return await work(lost, removals);
      }
      return await this.removing(ref, signal, async (ended) =>
        await work(
          AbortSignal.any([lost, ended]),
          await this.#removals.read(ref),
        ));
    }, lost);
  }

  async #nest<T>(
    names: readonly string[],
    outer: readonly AbortSignal[],
    signal: AbortSignal | undefined,
    work: (lost: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (names.length === 0) return await work(AbortSignal.any([...outer]));
    const rest = names.slice(MAX_TOGETHER);
    return await withLease(
      this.#kv,
      this.#clock,
      names.slice(0, MAX_TOGETHER),
      { ...TIMES, ...(signal ? { signal } : {}) },
      (lost) => this.#nest(rest, [...outer, lost], signal, work),
    );
  }
}
