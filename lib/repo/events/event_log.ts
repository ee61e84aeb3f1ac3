/**
 * The repo's events, retained so that consumers can resume: numbered without
 * gaps, stored in the same atomic change as their commit.
 *
 * @module
 */

import { joinBytes } from "../../bytes.ts";
import type { Clock } from "../../clock.ts";
import type { Atomic, Kv } from "../../kv/kv.ts";
import type { RepoKeys } from "../kv_keys.ts";
import type { EventRow, HeadRow } from "../rows.ts";

/** An event as it is sent. */
export interface LoggedEvent {
  readonly seq: number;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** Header and body. */
  readonly frame: Uint8Array;
}

/** How long events are kept; whichever limit is reached first. */
export interface Retention {
  /** Milliseconds. */
  readonly maxAgeMs: number;
  readonly maxEvents: number;
}

/** Three days, as relays expect, and at most about 1 GB. */
export const DEFAULT_RETENTION: Retention = {
  maxAgeMs: 72 * 3_600_000,
  maxEvents: 200_000,
};

/** Bytes of one stored chunk of an event. */
const CHUNK_BYTES = 60_000;
/** Upper bound on the chunks of an event; a commit holds 800 KiB. */
const MAX_CHUNKS = 16;
/** Keys removed by one commit of the sweep. */
const SWEEP_KEYS = 500;
/** Maximum bytes of a page of events. */
const PAGE_BYTES = 1_000_000;

/** The event log of one repo. */
export class EventLog {
  readonly #kv: Kv;
  readonly #keys: RepoKeys;
  readonly #clock: Clock;
  readonly #retention: Retention;

  constructor(
    deps: { kv: Kv; keys: RepoKeys; clock: Clock; retention: Retention },
  ) {
    this.#kv = deps.kv;
    this.#keys = deps.keys;
    this.#clock = deps.clock;
    this.#retention = deps.retention;
  }

  /** Adds `events` to a commit that also moves the head to the last of them. */
  append(atomic: Atomic, events: readonly LoggedEvent[]): void {
    for (const { seq, at, frame } of events) {
      const chunks = Math.ceil(frame.length / CHUNK_BYTES);
      const bytes = (chunk: number) =>
        frame.slice(chunk * CHUNK_BYTES, (chunk + 1) * CHUNK_BYTES);
      const first: EventRow = { at, chunks, bytes: bytes(0) };
      atomic.set(this.#keys.event(seq, 0), first);
      for (let chunk = 1; chunk < chunks; chunk++) {
        atomic.set(this.#keys.event(seq, chunk), bytes(chunk));
      }
    }
  }

  /** Sequence number of the newest event. */
  async latest(): Promise<number> {
    return (await this.#head()).seq;
  }

  /**
   * The range of the log: events with a number above `after` and up to `latest`
   * can be read; `cut` is true when older ones have been removed.
   */
  async window(): Promise<{ after: number; latest: number; cut: boolean }> {
    const { seq: latest, firstSeq } = await this.#head();
    const first = await this.#oldest() ?? latest + 1;
    return { after: first - 1, latest, cut: first > firstSeq };
  }

  /**
   * Reads the events after number `after`: at least one if there is any, at
   * most about a megabyte.
   */
  async read(after: number): Promise<LoggedEvent[]> {
    const events: LoggedEvent[] = [];
    let total = 0;
    let open: { seq: number; row: EventRow; parts: Uint8Array[] } | undefined;
    const rows = this.#kv.list<EventRow | Uint8Array>({
      prefix: this.#keys.events,
      start: this.#keys.eventsAfter(after),
    });
    for await (const { key, value } of rows) {
      const seq = Number(key.at(-2));
      if (!(value instanceof Uint8Array)) {
        open = { seq, row: value, parts: [value.bytes] };
      } else if (open?.seq === seq) open.parts.push(value);
      // Otherwise the sweep has already removed the beginning of this event.
      if (open === undefined || open.parts.length < open.row.chunks) continue;
      const frame = joinBytes(open.parts);
      events.push({ seq: open.seq, at: open.row.at, frame });
      total += frame.length;
      open = undefined;
      if (total >= PAGE_BYTES) break;
    }
    return events;
  }

  /** Removes events beyond the retention; returns how many chunks were removed. */
  async sweep(): Promise<number> {
    const before = this.#clock.now() - this.#retention.maxAgeMs;
    const upTo = await this.latest() - this.#retention.maxEvents;
    let removed = 0;
    for (;;) {
      const atomic = this.#kv.atomic();
      let count = 0;
      const rows = this.#kv.list<EventRow | Uint8Array>(
        { prefix: this.#keys.events },
        { limit: SWEEP_KEYS },
      );
      for await (const { key, value } of rows) {
        const old = value instanceof Uint8Array || value.at < before ||
          Number(key.at(-2)) <= upTo;
        if (!old) break;
        atomic.delete(key);
        count++;
      }
      if (count === 0) return removed;
      await atomic.commit();
      removed += count;
      if (count < SWEEP_KEYS) return removed;
    }
  }

  async #oldest(): Promise<number | undefined> {
    const rows = this.#kv.list<EventRow | Uint8Array>(
      { prefix: this.#keys.events },
      { limit: MAX_CHUNKS },
    );
    for await (const { key, value } of rows) {
      // The sweep may have left the last chunks of an event.
      if (!(value instanceof Uint8Array)) return Number(key.at(-2));
    }
    return undefined;
  }

  async #head(): Promise<HeadRow> {
    const head = await this.#kv.get<HeadRow>(this.#keys.head);
    if (head === undefined) throw new Error("the repo has no head");
    return head.value;
  }
}
