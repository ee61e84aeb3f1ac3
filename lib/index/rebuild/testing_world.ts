/**
 * A registry on a small network that does random things and whose stream
 * breaks, with an index and rebuilds of it, for tests.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import type { Kv } from "../../kv/kv.ts";
import { openKv } from "../../kv/open_kv.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import type { OwnChanges } from "../cards/own_changes.ts";
import type { RecordChange } from "../record_change.ts";
import { Rebuild } from "./rebuild.ts";
import type { RebuildSources } from "./sources.ts";
import { History, type OwnerState, recordsOf } from "./testing_history.ts";
import { applyAll, indexOver } from "./testing_index.ts";
import { Choices } from "./testing_random.ts";
import { OWNERS } from "./testing_writes.ts";

/** The network, its stream and the index over it. */
export class World {
  readonly clock: ManualClock;
  readonly kv: Kv;
  readonly #choices: Choices;
  readonly #history: History;
  readonly #index: ReturnType<typeof indexOver>;
  /** Owners whose repos cannot be listed. */
  readonly down = new Set<Did>();
  /** Owners who were looked up. */
  readonly lookedUp: Did[] = [];
  /** Most events that are delivered together. */
  readonly #together: number;

  private constructor(
    kv: Kv,
    clock: ManualClock,
    seed: number,
    together: number,
  ) {
    this.kv = kv;
    this.#together = together;
    this.clock = clock;
    this.#choices = new Choices(seed);
    this.#index = indexOver(kv, clock);
    this.#history = new History({
      ...{ clock, choices: this.#choices },
      onOwn: (change) => this.#own(change),
    });
  }

  static async start(seed: number, together = 1): Promise<World> {
    const clock = new ManualClock();
    const kv = await openKv(":memory:", clock);
    return new World(kv, clock, seed, together);
  }

  /** Does `count` random things, and delivers some of their events. */
  async live(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      await this.#history.step();
      await this.#deliver();
    }
  }

  /** Delivers what is left of the stream. */
  async settle(): Promise<void> {
    for (const state of this.#history.states) {
      while (state.delivered < state.events.length) await this.#next(state, 12);
    }
  }

  /** What a rebuild of `kv` reads. */
  rebuild(kv: Kv): Rebuild {
    const { clock } = this;
    const { handlers } = indexOver(kv, clock);
    const sources: RebuildSources = {
      owners: (last) => listed(OWNERS.filter((did) => !last || did > last)),
      manifests: (did) => listed(this.#history.state(did).manifests.values()),
      tags: (did) => listed(this.#history.state(did).tags.values()),
      records: (did, collection) => this.#list(did, collection),
      person: (did) => {
        this.lookedUp.push(did);
        if (!this.down.has(did)) return Promise.resolve();
        throw new AppError("UPSTREAM_FAILED", "The PDS is down.");
      },
    };
    return new Rebuild({
      ...{ kv, clock, sources, handlers },
      log: silentLogger,
    });
  }

  #list(did: Did, collection: string) {
    if (this.down.has(did)) {
      throw new AppError("UPSTREAM_FAILED", "The PDS is down.");
    }
    const all = recordsOf(this.#history.state(did), collection);
    return listed([...all].map(([rkey, value]) => ({ rkey, value })));
  }

  async #own(change: Parameters<OwnChanges["add"]>[1]): Promise<void> {
    const { kv } = this;
    const { own } = this.#index;
    const commit = kv.atomic();
    const found = await kv.getMany<unknown>(own.reads(change));
    await own.add(commit, change, found);
    if (!await commit.commit()) throw new Error("nobody else writes");
  }

  /** Some of the stream, which now and then begins again before where it was. */
  async #deliver(): Promise<void> {
    for (const state of this.#history.states) {
      if (this.#choices.next() < 0.05) {
        state.delivered = Math.max(
          0,
          state.delivered - this.#choices.below(20),
        );
      }
      await this.#next(state, this.#choices.below(4));
    }
  }

  /** The next events, of which some come twice. */
  async #next(state: OwnerState, count: number): Promise<void> {
    const { handlers } = this.#index;
    const events = state.events.slice(state.delivered, state.delivered + count)
      .flatMap((event) =>
        this.#choices.next() < 0.1 ? [event, event] : [event]
      );
    state.delivered = Math.min(state.delivered + count, state.events.length);
    for (const some of ofDifferentRecords(events, this.#together)) {
      const [one] = some;
      if (one) await applyAll(handlers, one.did, some);
    }
  }
}

/** Parts of at most `limit` events in which no record occurs twice. */
function* ofDifferentRecords(
  events: readonly RecordChange[],
  limit: number,
): Generator<RecordChange[]> {
  let part = new Map<string, RecordChange>();
  for (const event of events) {
    const name = `${event.collection} ${event.rkey}`;
    if (part.size === limit || part.has(name)) {
      yield [...part.values()];
      part = new Map();
    }
    part.set(name, event);
  }
  yield [...part.values()];
}

async function* listed<T>(some: Iterable<T>): AsyncGenerator<T> {
  yield* [...some];
}
