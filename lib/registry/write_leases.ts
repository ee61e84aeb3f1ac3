/**
 * Leases for changes by pushes and deletes: the writes to one manifest or tag
 * must have the same order in the owner's repo and in the index. What a push
 * found in its repository must not be deleted before the manifest that needs it
 * is in the index: pushes of a repository run beside each other, but not beside
 * its deletions.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { registryKeys } from "./kv_keys.ts";
import type { Kv } from "../kv/kv.ts";
import { AppError } from "../errors.ts";
import type { LeaseEnding } from "../kv/held_lease.ts";
import { leasesEnded, MAX_TOGETHER, withLease } from "../kv/lease.ts";
import type { Digest } from "../oci/digest.ts";
import type { RepoRef } from "./manifests/manifest_index.ts";
import { pendingOf, type PendingRemovals } from "./rows.ts";

/** Lifetime of a lease, and how long others wait for it, in milliseconds. */
const TIMES = { ttlMs: 10_000, waitMs: 60_000 };

/** Leases that a commit can release beside its own work, which has ten checks in all. */
const MAX_ENDED = 5;

/** Attempts of work that conflicts with deletes. */
const WORK_ATTEMPTS = 5;

/** What a push does. */
export interface PushSteps<T> {
  /**
   * Runs once and first. What it finds in the repository is not deleted before
   * the push ends. Its errors end the push. `ended` is aborted when the lease is
   * lost or the client has gone.
   */
  readonly prepare: (ended: AbortSignal) => Promise<void>;
  /**
   * Writes, given the current removals; retried when it throws
   * {@linkcode RemovalsChangedError}. Its last commit may release the leases by
   * `ending`.
   */
  readonly write: (
    lost: AbortSignal,
    removals: PendingRemovals,
    ending: LeaseEnding | undefined,
  ) => Promise<T>;
}

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
    const names = namesOf({ did, repo }, what);
    return await this.#nest(names, { signal }, work);
  }

  /**
   * Like {@linkcode hold}, for a push of the manifest that sets the tags: it
   * does not overlap with {@linkcode deleting}, and its writes do not overlap
   * with a removal in the repository.
   */
  async push<T>(
    ref: RepoRef,
    what: { digest: Digest; tags: readonly string[] },
    { prepare, write }: PushSteps<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    // Unique, so that pushes do not exclude each other.
    const mark = `${pushesOf(ref)}${crypto.randomUUID()}`;
    return await this.#nest(
      namesOf(ref, what, mark),
      { signal, whileFree: deletionIn(ref) },
      async (lost, ending) => {
        await prepare(eitherOf(signal, lost));
        return await this.#besideRemovals(
          ref,
          lost,
          signal,
          (either, removals) => write(either, removals, ending),
        );
      },
    );
  }

  /**
   * Runs `work` while nothing is pushed to the repository: pushes that have
   * begun are waited for, others begin afterwards. What `work` decides to be
   * unneeded must be deleted by its last commit, which releases the lease by
   * `ending`; it must not wait for other servers. Throws AppError `UNAVAILABLE`
   * when the pushes take too long.
   */
  async deleting<T>(
    ref: RepoRef,
    signal: AbortSignal | undefined,
    work: (ending: LeaseEnding) => Promise<T>,
  ): Promise<T> {
    const { waitMs } = TIMES;
    return await withLease(
      this.#kv,
      this.#clock,
      deletionIn(ref),
      { ...TIMES, ...(signal ? { signal } : {}) },
      async (lost, ending) => {
        const either = eitherOf(signal, lost);
        const options = { waitMs, signal: either };
        const pushes = pushesOf(ref);
        if (!await leasesEnded(this.#kv, this.#clock, pushes, options)) {
          either.throwIfAborted();
          throw new AppError(
            "UNAVAILABLE",
            "A push to this repository is taking long; delete again when it has ended.",
            { retryAfterSeconds: 10 },
          );
        }
        return await work(ending);
      },
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
    return await this.#nest(names, { signal }, work);
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

  /** Runs `work` with the leases `names`; many are acquired in several steps. */
  async #nest<T>(
    names: readonly string[],
    { signal, whileFree }: {
      signal: AbortSignal | undefined;
      whileFree?: string;
    },
    work: (lost: AbortSignal, ending?: LeaseEnding) => Promise<T>,
  ): Promise<T> {
    const rest = names.slice(MAX_TOGETHER);
    return await withLease(
      this.#kv,
      this.#clock,
      names.slice(0, MAX_TOGETHER),
      {
        ...TIMES,
        ...(signal ? { signal } : {}),
        ...(whileFree === undefined ? {} : { whileFree }),
      },
      (lost, ending) => {
        if (rest.length === 0) {
          return work(lost, names.length <= MAX_ENDED ? ending : undefined);
        }
        // Without `whileFree`: who holds that may wait for the leases held here.
        return this.#nest(
          rest,
          { signal },
          (inner) => work(AbortSignal.any([lost, inner])),
        );
      },
    );
  }
}

/** The current removals of a repository. */
export async function readRemovals(
  kv: Kv,
  { did, repo }: RepoRef,
): Promise<PendingRemovals> {
  return pendingOf(await kv.get(registryKeys.removals(did, repo)));
}

/** A removal has started or ended meanwhile: earlier decisions must be made again. */
export class RemovalsChangedError extends AppError {
  constructor() {
    super(
      "UNAVAILABLE",
      "The repository is being changed by a delete at this moment; try again.",
      { retryAfterSeconds: 1 },
    );
  }
}

/**
 * Runs `work` and retries it a few times when it throws
 * {@linkcode RemovalsChangedError}, unless `lost` is aborted.
 */
export async function whileRemovalsChange<T>(
  work: () => Promise<T>,
  lost?: AbortSignal,
): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await work();
    } catch (error) {
      const isOver = attempt === WORK_ATTEMPTS || lost?.aborted;
      if (isOver || !(error instanceof RemovalsChangedError)) throw error;
    }
  }
}

function eitherOf(
  signal: AbortSignal | undefined,
  lost: AbortSignal,
): AbortSignal {
  return signal ? AbortSignal.any([signal, lost]) : lost;
}

/** Names of leases in the order in which all acquire them, to avoid deadlocks. */
function namesOf(
  { did, repo }: RepoRef,
  { digest, tags }: { digest?: Digest; tags: readonly string[] },
  mark?: string,
): string[] {
  const names = tags.map((tag) => `registry/tag/${did}/${repo}/${tag}`).sort();
  return [
    // Together with the first ones, or it would have to be free while they are held.
    ...(mark === undefined ? [] : [mark]),
    ...(digest ? [`registry/manifest/${did}/${digest}`] : []),
    ...names,
  ];
}

/** What the names of the leases of all pushes to a repository begin with. */
function pushesOf({ did, repo }: RepoRef): string {
  return `registry/push/${did}/${repo} `;
}

function deletionIn({ did, repo }: RepoRef): string {
  return `registry/deletion/${did}/${repo}`;
}
