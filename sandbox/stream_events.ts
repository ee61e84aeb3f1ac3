/**
 * Events of the PDS from any place on, old ones first and then as they happen.
 *
 * @module
 */

import type { Network } from "./network.ts";

/** What the PDS keeps of everything that happens to its repos. */
export type Sequencer = Network["pds"]["ctx"]["sequencer"];

/** An event as the PDS keeps it. */
export type SequencedEvent = Awaited<
  ReturnType<Sequencer["requestSeqRange"]>
>[number];

/** Older events are not replayed, as by Jetstream; 36 hours, in milliseconds. */
const REPLAY_MS = 36 * 3_600_000;
/** Cursors below this number are sequence numbers, others are times. */
const FIRST_TIME = 1e15;
const PAGE = 500;

/**
 * When an event happened, in microseconds since the Unix epoch. The PDS counts
 * milliseconds; its sequence number makes the difference within one.
 */
export function timeOf({ seq, time }: SequencedEvent): number {
  return Date.parse(time) * 1000 + seq % 1000;
}

/**
 * Yields events until `signal` is aborted: behind `place`, a time in
 * microseconds or from a sequence number on, or those that happen from now on.
 */
export async function* eventsBehind(
  sequencer: Sequencer,
  place: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<SequencedEvent> {
  // A time that has not come yet is now.
  const isAhead = place !== undefined && place > Date.now() * 1000;
  const cursor = isAhead ? undefined : place;
  const oldest = Date.now() - REPLAY_MS;
  const isTime = cursor !== undefined && cursor >= FIRST_TIME;
  const from = isTime ? Math.max(cursor / 1000, oldest) : oldest;
  const earliestTime = new Date(Math.floor(from)).toISOString();
  let seq = cursor === undefined
    ? await sequencer.curr() ?? 0
    : isTime
    ? 0
    : cursor - 1;
  while (!signal.aborted) {
    const { promise: more, resolve } = Promise.withResolvers<void>();
    const wake = () => resolve();
    // Before the look, so that nothing is missed between the two.
    sequencer.once("events", wake);
    signal.addEventListener("abort", wake, { once: true });
    try {
      const page = await sequencer.requestSeqRange({
        earliestSeq: seq,
        earliestTime,
        limit: PAGE,
      });
      for (const event of page) {
        seq = event.seq;
        if (isTime && timeOf(event) <= cursor) continue;
        yield event;
      }
      if (page.length === 0) await more;
    } finally {
      sequencer.off("events", wake);
      signal.removeEventListener("abort", wake);
    }
  }
}
