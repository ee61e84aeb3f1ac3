/**
 * New events to many consumers at once. What comes within a moment goes out
 * together, as the same bytes for everybody: writing to a connection costs far
 * more than what is written.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { LoggedEvent } from "./event_log.ts";
import { asMessages } from "./socket_messages.ts";

/** Takes the events that were gathered for it; must not throw. */
export type Recipient = (batch: Batch) => void;

/** Events that go out together. */
export interface Batch {
  /** Header and body of each event. */
  readonly frames: readonly Uint8Array[];
  /** All of them as binary messages of a WebSocket server, as they go over the connection. */
  readonly messages: () => Uint8Array;
}

/** For so long events are gathered after a batch has gone out, in milliseconds; the first one after a pause goes at once. */
const GATHER_MS = 20;

/** Gathers events for recipients. */
export class FanOut {
  readonly #clock: Clock;
  /** Recipients with the place of their first event in the batch. */
  readonly #recipients = new Map<Recipient, number>();
  #frames: Uint8Array[] = [];
  #seq = 0;
  #pause: AbortController | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Adds an event for one recipient; the events of one come in their order. */
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

  /** Forgets a recipient. */
  remove(recipient: Recipient): void {
    this.#recipients.delete(recipient);
  }

  /** Sends what was gathered. */
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

  /** Ends the gathering; nothing may be added any more before the next event. */
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
