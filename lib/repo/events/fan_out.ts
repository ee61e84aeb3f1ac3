/**
 * Fans new events out to many consumers. Events that arrive close together are
 * sent as one batch with the same bytes for all consumers, because a write to a
 * connection costs far more than its bytes.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { LoggedEvent } from "./event_log.ts";
import { asMessages } from "./socket_messages.ts";

/** Receives a batch of events; must not throw. */
export type Recipient = (batch: Batch) => void;

/** Events that are sent together. */
export interface Batch {
  /** Header and body of each event. */
  readonly frames: readonly Uint8Array[];
  /** All of them encoded as WebSocket binary messages of a server. */
  readonly messages: () => Uint8Array;
}

/**
 * How long events are batched after a batch was sent, in milliseconds; the
 * first event after a pause is sent at once.
 */
const GATHER_MS = 20;

/** Batches events for recipients. */
export class FanOut {
  readonly #clock: Clock;
  /** Recipients with the index of their first event in the batch. */
  readonly #recipients = new Map<Recipient, number>();
  #frames: Uint8Array[] = [];
  #seq = 0;
  #pause: AbortController | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Adds an event for one recipient; each recipient receives its events in order. */
  add({ seq, frame }: LoggedEvent, recipient: Recipient): void {
    if (this.#frames.length === 0 && this.#pause === undefined) {
      queueMicrotask(() => this.flush());
    }
    if (this.#frames.length === 0 || seq !== this.#seq) {
      this.#frames.push(frame);
      this.#seq = seq;
    }
    if (!this.#recipients.has(recipient)) {
      this.#recipients.set(recipient, this.#frames.length - 1);
    }
  }

  /** Removes a recipient. */
  remove(recipient: Recipient): void {
    this.#recipients.delete(recipient);
  }

  /** Sends the batch. */
  flush(): void {
    const frames = this.#frames;
    if (frames.length === 0) return;
    const recipients = [...this.#recipients];
    this.#frames = [];
    this.#recipients.clear();
    const batches = new Map<number, Batch>();
    for (const [recipient, from] of recipients) {
      let batch = batches.get(from);
      if (batch === undefined) {
        batch = batchOf(frames.slice(from));
        batches.set(from, batch);
      }
      recipient(batch);
    }
    if (this.#pause === undefined) void this.#gather();
  }

  /** Stops batching; nothing may be added before the next event. */
  stop(): void {
    this.#pause?.abort();
  }

  async #gather(): Promise<void> {
    const pause = new AbortController();
    this.#pause = pause;
    await this.#clock.sleep(GATHER_MS, pause.signal);
    this.#pause = undefined;
    this.flush();
  }
}

function batchOf(frames: readonly Uint8Array[]): Batch {
  let messages: Uint8Array | undefined;
  return { frames, messages: () => messages ??= asMessages(frames) };
}
