/**
 * Leases for changes by pushes and deletes: the writes to one manifest or tag
 * must have the same order in the owner's repo and in the index.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { Kv } from "../kv/kv.ts";
import type { LeaseEnding } from "../kv/held_lease.ts";
import { MAX_TOGETHER, withLease } from "../kv/lease.ts";
import type { Digest } from "../oci/digest.ts";
import type { RepoRef } from "./manifests/manifest_index.ts";
import {
  type PendingRemovals,
  readRemovals,
  whileRemovalsChange,
} from "./manifests/pending_removals.ts";

/** Lifetime of a lease, and how long others wait for it, in milliseconds. */
const TIMES = { ttlMs: 10_000, waitMs: 60_000 };

/** Leases that a commit can release beside its own work, which has ten checks in all. */
const MAX_ENDED = 4;

/** Acquires leases in KV, so that they hold across instances. */
export class WriteLeases {
  readonly #kv: Kv;
  readonly #clock: Clock;

  constructor(kv: Kv, clock: Clock) {
    this.#kv = kv;
    this.#clock = clock;
  }

  /**
   * Runs `work` with exclusive write access to the manifest (all repositories
   * of an owner share its record) and the tags. The signal passed to `work` is
   * aborted when the lease is lost: later writes must not overwrite those of
   * the new holder. If `signal` is aborted while waiting, rejects with its
   * reason.
   */
  async hold<T>(
    { did, repo }: RepoRef,
    what: { digest?: Digest; tags: readonly string[] },
    work: (lost: AbortSignal, ending: LeaseEnding | undefined) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const names = what.tags.map((tag) => `registry/tag/${did}/${repo}/${tag}`);
    if (what.digest) names.push(`registry/manifest/${did}/${what.digest}`);
    // Leases are acquired in sorted order to avoid deadlocks.
    return await this.#nest(names.sort(), [], signal, work);
  }

  /**
   * Like {@linkcode hold}, for work that sets the tags: it does not overlap
   * with a removal in the repository. `work` also receives the current
   * removals, and is retried when it throws {@linkcode RemovalsChangedError}.
   * Its last commit may release the leases by `ending`.
   */
  async write<T>(
    ref: RepoRef,
    what: { digest?: Digest; tags: readonly string[] },
    work: (
      lost: AbortSignal,
      removals: PendingRemovals,
      ending: LeaseEnding | undefined,
    ) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    return await this.hold(
      ref,
      what,
      (lost, ending) =>
        this.#besideRemovals(
          ref,
          lost,
          signal,
          (either, removals) => work(either, removals, ending),
        ),
      signal,
    );
  }

  /**
   * Runs `work` while no tag of the repository can be set, as long as a removal
   * is in progress in it. Tags and records removed inside cannot be written
   * concurrently.
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
      const removals = await readRemovals(this.#kv, ref);
      if (Object.keys(removals.pending).length === 0) {
        return await work(lost, removals);
      }
      return await this.removing(ref, signal, async (ended) =>
        await work(
          AbortSignal.any([lost, ended]),
          await readRemovals(this.#kv, ref),
        ));
    }, lost);
  }

  async #nest<T>(
    names: readonly string[],
    outer: readonly AbortSignal[],
    signal: AbortSignal | undefined,
    work: (lost: AbortSignal, ending?: LeaseEnding) => Promise<T>,
  ): Promise<T> {
    if (names.length === 0) return await work(AbortSignal.any([...outer]));
    const rest = names.slice(MAX_TOGETHER);
    const isSmall = outer.length === 0 && names.length <= MAX_ENDED;
    return await withLease(
      this.#kv,
      this.#clock,
      names.slice(0, MAX_TOGETHER),
      { ...TIMES, ...(signal ? { signal } : {}) },
      (lost, ending) =>
        isSmall
          ? work(lost, ending)
          : this.#nest(rest, [...outer, lost], signal, work),
    );
  }
}
