/**
 * Makes all derived rows of the index again, while the program runs: owner by
 * owner, from what the registry keeps and from the owners' repos. What was
 * observed stays as it is.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Key, Kv } from "../../kv/kv.ts";
import { withLease } from "../../kv/lease.ts";
import { removeBelow } from "../../kv/operating/remove_below.ts";
import { cardKeys } from "../cards/kv_keys.ts";
import { holdKeys } from "../holds/kv_keys.ts";
import { networkKeys } from "../network/kv_keys.ts";
import { peopleKeys } from "../people/kv_keys.ts";
import { INDEX_VERSION } from "../version.ts";
import { FacetRepair } from "./facet_repair.ts";
import { rebuildKeys } from "./kv_keys.ts";
import { namesBelow } from "./names_below.ts";
import { OwnerRebuild, type OwnerRebuildDeps } from "./owner_rebuild.ts";
import { removeStrays } from "./strays.ts";

/** How far a rebuild is. */
export interface RebuildProgress {
  /** Owners done in this run. */
  readonly owners: number;
  /** Those whose repos could not be listed. */
  readonly unlisted: number;
  /** Rows removed that nothing stood behind. */
  readonly removed: number;
}

export interface RebuildOptions {
  /** Begins with the first owner, also where an earlier run was stopped. */
  readonly restart: boolean;
  readonly signal: AbortSignal;
  /** Called after each owner. */
  readonly progress: (progress: RebuildProgress) => void;
}

/** The lease is taken over from a run that died after this time, in milliseconds. */
const LEASE_MS = 30_000;

/** Rebuilds the index. */
export class Rebuild {
  readonly #deps: OwnerRebuildDeps;
  readonly #owners: OwnerRebuild;
  readonly #facets: FacetRepair;

  constructor(deps: OwnerRebuildDeps) {
    this.#deps = deps;
    this.#owners = new OwnerRebuild(deps);
    this.#facets = new FacetRepair(deps.kv);
  }

  /**
   * Runs until all is done, from where an earlier run was stopped. Only one
   * runs at a time. Throws `signal`'s reason.
   */
  async run(options: RebuildOptions): Promise<RebuildProgress> {
    const { kv, clock } = this.#deps;
    return await withLease(
      kv,
      clock,
      "index/rebuild",
      { ttlMs: LEASE_MS, signal: options.signal },
      (lost) =>
        this.#run({
          ...options,
          signal: AbortSignal.any([options.signal, lost]),
        }),
    );
  }

  async #run(
    { restart, signal, progress }: RebuildOptions,
  ): Promise<RebuildProgress> {
    const { kv } = this.#deps;
    let [owners, unlisted] = [0, 0];
    const place = rebuildKeys.place();
    if (restart) await kv.delete(place);
    const last = (await kv.get<Did>(place))?.value;
    for await (const did of this.#all(last)) {
      signal.throwIfAborted();
      owners++;
      if (!await this.#owners.run(did, signal)) unlisted++;
      await kv.set(place, did);
      progress({ owners, unlisted, removed: 0 });
    }
    await this.#deps.sources.settle?.();
    const stars = await this.#facets.run(signal);
    const strays = stars + await removeStrays(kv, signal);
    const old = await removeOtherVersions(kv, signal);
    await kv.delete(place);
    return { owners, unlisted, removed: strays + old };
  }

  /** Owners of whom anything is known, in byte order. */
  #all(last: Did | undefined): AsyncIterable<Did> {
    const { kv, sources } = this.#deps;
    const below = (prefix: Key) =>
      namesBelow(kv, prefix, last) as AsyncGenerator<Did>;
    return merged([
      sources.owners(last),
      below(cardKeys.everyManifest()),
      below(cardKeys.allCards()),
      below(peopleKeys.everyStarRecord()),
      below(peopleKeys.everyPage()),
      below(holdKeys.allHolds()),
      below(holdKeys.everyCrew()),
      below(networkKeys.accounts().prefix),
    ]);
  }
}

/** What is in any of the ordered `sources`, in order and each once. */
async function* merged<T extends string>(
  sources: readonly AsyncIterable<T>[],
): AsyncGenerator<T> {
  const readers = sources.map((source) => source[Symbol.asyncIterator]());
  const heads = await Promise.all(readers.map((reader) => reader.next()));
  for (;;) {
    const values = heads.flatMap(({ done, value }) => done ? [] : [value]);
    const [least] = values.sort();
    if (least === undefined) return;
    yield least;
    for (const [i, reader] of readers.entries()) {
      while (!heads[i]?.done && heads[i]?.value === least) {
        heads[i] = await reader.next();
      }
    }
  }
}

/** Removes the rows of other versions of the layout; returns how many. */
async function removeOtherVersions(
  kv: Kv,
  signal: AbortSignal,
): Promise<number> {
  const own: Key = ["index", INDEX_VERSION];
  const ranges = [
    { prefix: ["index"], end: own },
    { prefix: ["index"], start: ["index", INDEX_VERSION + 1] },
  ];
  let removed = 0;
  for (const range of ranges) removed += await removeBelow(kv, range, signal);
  return removed;
}
