/**
 * Follows changes of profiles, handles and accounts, so that a new picture is
 * shown at once however long profiles are cached.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { JetstreamBatch } from "../atproto/jetstream/jetstream.ts";
import type { JetstreamEvent } from "../atproto/jetstream/jetstream_event.ts";
import type { Clock } from "../clock.ts";
import type { Kv } from "../kv/kv.ts";
import { acquireLease } from "../kv/lease.ts";
import type { Logger } from "../log.ts";
import { EVENTS_LEASE, eventsCursorKey } from "./kv_keys.ts";
import type { AvatarObserver } from "./observer.ts";
import type { AccountChange } from "./profiles.ts";

export interface NetworkEventsDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly log: Logger;
  /** The avatar service. */
  readonly avatars: {
    invalidate(did: Did, change: AccountChange): Promise<void>;
  };
  /**
   * Opens the stream after `cursor`, in microseconds since the Unix epoch; it
   * throws when it ends.
   */
  readonly open: (
    cursor: number | undefined,
    signal: AbortSignal,
  ) => AsyncIterable<JetstreamBatch>;
  readonly observer: Pick<AvatarObserver, "networkEvents">;
  /** From 0 up to 1; `Math.random` by default. */
  readonly random?: () => number;
}

/** Settings of {@linkcode NetworkEvents}. */
export interface NetworkEventsOptions {
  /** Collections of profile records that may contain a picture. */
  readonly collections: readonly string[];
  /** Older events are ignored, because everything cached before them has expired; milliseconds. */
  readonly maxReplayMs: number;
}

const LEASE_MS = 30_000;
/** How often the cursor is stored, in milliseconds. */
const SAVE_MS = 5_000;
/** How far to rewind from the stored cursor, because clocks of servers differ; milliseconds. */
const REWIND_MS = 5_000;
/** Pause after the first failure; doubled with each further one, in milliseconds. */
const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;
/** Accounts processed concurrently. */
const PARALLEL = 16;

/** Follows the network on one of the instances that share a store. */
export class NetworkEvents {
  readonly #deps: NetworkEventsDeps;
  readonly #options: NetworkEventsOptions;
  #savedAt = 0;

  constructor(deps: NetworkEventsDeps, options: NetworkEventsOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /**
   * Follows the stream, or waits for the lease, until `signal` is aborted.
   * Never rejects: failures are logged and retried after a growing pause, in
   * which another instance may take over.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { kv, clock, log, random = Math.random } = this.#deps;
    let failures = 0;
    while (!signal.aborted) {
      try {
        const lease = await acquireLease(kv, clock, EVENTS_LEASE, {
          ttlMs: LEASE_MS,
        });
        if (lease === undefined) {
          await clock.sleep(LEASE_MS * (0.5 + random() / 2), signal);
          continue;
        }
        try {
          const held = AbortSignal.any([signal, lease.signal]);
          await this.#follow(held, () => failures = 0);
        } finally {
          await lease.release();
        }
      } catch (error) {
        if (signal.aborted) return;
        failures++;
        log.warn("events of the network are not heard", { failures, error });
      }
      const longest = Math.min(
        LONGEST_PAUSE_MS,
        FIRST_PAUSE_MS * 2 ** Math.min(failures - 1, 10),
      );
      await clock.sleep(longest * (0.5 + random() / 2), signal);
    }
  }

  /** One connection. */
  async #follow(signal: AbortSignal, onEvents: () => void): Promise<void> {
    const { kv, clock, log } = this.#deps;
    const cursor = await this.#start();
    log.info("listening to events of the network", { cursor });
    let done: number | undefined;
    try {
      for await (const { events, ignored } of this.#deps.open(cursor, signal)) {
        await this.#take(events, ignored);
        const last = events.at(-1);
        if (last === undefined) continue;
        onEvents();
        done = last.timeUs;
        if (clock.now() - this.#savedAt < SAVE_MS) continue;
        this.#savedAt = clock.now();
        await kv.set(eventsCursorKey, done);
      }
    } finally {
      if (done !== undefined) await kv.set(eventsCursorKey, done);
    }
  }

  /** The start cursor: slightly before the last event, but not in the distant past. */
  async #start(): Promise<number | undefined> {
    const { kv, clock } = this.#deps;
    const saved = await kv.get<number>(eventsCursorKey);
    if (saved === undefined) return undefined;
    const oldest = (clock.now() - this.#options.maxReplayMs) * 1000;
    return Math.max(saved.value - REWIND_MS * 1000, oldest);
  }

  /** Groups events by account. */
  async #take(
    events: readonly JetstreamEvent[],
    ignored: number,
  ): Promise<void> {
    const changes = new Map<Did, AccountChange>();
    const counts = { commit: 0, identity: 0, account: 0, ignored };
    for (const event of events) {
      if (event.kind === "commit" && !this.#wants(event.collection)) {
        counts.ignored++;
        continue;
      }
      counts[event.kind]++;
      const before = changes.get(event.did);
      changes.set(event.did, {
        identity: event.kind !== "commit" || (before?.identity ?? false),
        gone: event.kind === "account" ? !event.active : before?.gone ?? false,
      });
    }
    this.#deps.observer.networkEvents(counts);
    const queue = changes.entries();
    await Promise.all(Array.from({ length: PARALLEL }, async () => {
      for (const [did, change] of queue) {
        await this.#deps.avatars.invalidate(did, change);
      }
    }));
  }

  #wants(collection: string): boolean {
    return this.#options.collections.includes(collection);
  }
}
