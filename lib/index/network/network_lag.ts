/**
 * Whether the events of the network arrive, for pages of all instances: the one
 * that follows the stream keeps a row while they do not.
 *
 * @module
 */

import type { JetstreamBatch } from "../../atproto/jetstream/jetstream.ts";
import { type Clock, isWithin } from "../../clock.ts";
import type { Kv } from "../../kv/kv.ts";
import { networkKeys } from "./kv_keys.ts";

export interface NetworkLagDeps {
  readonly kv: Kv;
  readonly clock: Clock;
}

/** What is missing of the network. */
export interface Lag {
  /** `silent`: no events arrive; `behind`: they are read, but late. */
  readonly kind: "silent" | "behind";
  /** What changed elsewhere after this time may be missing; milliseconds since the Unix epoch. */
  readonly since: number;
}

/** The row. Times are milliseconds since the Unix epoch. */
interface LagRow extends Lag {
  /** When it was written: without news it means nothing after a while. */
  readonly at: number;
}

/** A new connection starts this far back, so that it is no lag; milliseconds. */
const BEHIND_MS = 120_000;

/** A server that is replaced sooner was not missed; milliseconds. */
const SILENT_MS = 30_000;

/** Longer than any pause between two attempts; milliseconds. */
const FORGOTTEN_MS = 180_000;

/** How often the row is written while events are read late, in milliseconds. */
const WRITE_MS = 5_000;

/** How long a process answers from memory, in milliseconds. */
const READ_MS = 5_000;

/** Keeps the row, and reads it. */
export class NetworkLag {
  readonly #deps: NetworkLagDeps;
  /** Whether there is no row, as far as this instance knows. */
  #isClear = false;
  #writtenAt = -Infinity;
  #read: { at: number; lag: Promise<Lag | undefined> } | undefined;

  constructor(deps: NetworkLagDeps) {
    this.#deps = deps;
  }

  /** Passes the events of a connection on, and notes when it fails, with the error. */
  async *watch(
    events: AsyncIterable<JetstreamBatch>,
  ): AsyncGenerator<JetstreamBatch> {
    // Another instance may have followed the stream meanwhile.
    this.#isClear = false;
    try {
      yield* events;
    } catch (error) {
      await this.#failed();
      throw error;
    }
  }

  /** Notes that a batch was processed. */
  async taken({ events }: Pick<JetstreamBatch, "events">): Promise<void> {
    const { kv, clock } = this.#deps;
    const last = events.at(-1);
    if (!last) return;
    const since = last.timeUs / 1000;
    const now = clock.now();
    if (now - since > BEHIND_MS) {
      if (isWithin(this.#writtenAt, WRITE_MS, now)) return;
      this.#writtenAt = now;
      await this.#write({ kind: "behind", since, at: now });
    } else if (!this.#isClear) {
      await kv.delete(networkKeys.lag());
      this.#isClear = true;
    }
  }

  /** What is missing; undefined while events arrive, and where nobody knows. At most some seconds old. */
  async now(): Promise<Lag | undefined> {
    const at = this.#deps.clock.now();
    if (!this.#read || !isWithin(this.#read.at, READ_MS, at)) {
      this.#read = { at, lag: this.#find() };
    }
    return await this.#read.lag;
  }

  async #failed(): Promise<void> {
    const at = this.#deps.clock.now();
    const before = await this.#row();
    const since = before?.since ?? at;
    await this.#write({ kind: "silent", since, at });
  }

  async #find(): Promise<Lag | undefined> {
    const row = await this.#row();
    if (!row) return undefined;
    const { kind, since } = row;
    const isShort = isWithin(since, SILENT_MS, this.#deps.clock.now());
    return isShort ? undefined : { kind, since };
  }

  /** The row, while it means something. */
  async #row(): Promise<LagRow | undefined> {
    const { kv, clock } = this.#deps;
    const row = (await kv.get<LagRow>(networkKeys.lag()))?.value;
    return row && isWithin(row.at, FORGOTTEN_MS, clock.now()) ? row : undefined;
  }

  async #write(row: LagRow): Promise<void> {
    this.#isClear = false;
    await this.#deps.kv.set(networkKeys.lag(), row);
  }
}
