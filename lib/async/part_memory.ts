/**
 * Memory for parts that are received for, and sent to, a store that takes only
 * large parts. Uploads share it, however many there are.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";

/** Memory that was reserved for a part. */
export interface PartBuffer {
  /** Gives it back; further calls do nothing. */
  free(): void;
}

/** Options of {@linkcode PartMemory}. */
export interface PartMemoryOptions {
  readonly clock: Clock;
  /** For all parts together, in bytes; 128 MiB by default. */
  readonly bytes?: number | undefined;
  /** Longest wait for the parts of others, in milliseconds; a minute by default. */
  readonly waitMs?: number | undefined;
}

const TOTAL_BYTES = 128 * 1024 * 1024;
const WAIT_MS = 60_000;

/** An upload that waits for memory. */
interface Waiting {
  readonly bytes: number;
  readonly start: () => void;
}

/** Bounds the memory of parts; uploads get it in the order in which they asked. */
export class PartMemory {
  readonly #clock: Clock;
  readonly #total: number;
  readonly #waitMs: number;
  readonly #queue: Waiting[] = [];
  #left: number;

  constructor({ clock, bytes = TOTAL_BYTES, waitMs }: PartMemoryOptions) {
    this.#clock = clock;
    this.#total = bytes;
    this.#left = bytes;
    this.#waitMs = waitMs ?? WAIT_MS;
  }

  /**
   * Reserves memory for a part of `bytes` bytes, or all there is for a larger
   * one. To be called without other memory for a part that is being filled:
   * uploads that wait for each other would not end. Throws AppError
   * `UNAVAILABLE` when there is none in time.
   */
  async reserve(bytes: number): Promise<PartBuffer> {
    const size = Math.min(bytes, this.#total);
    if (this.#queue.length > 0 || size > this.#left) await this.#turn(size);
    else this.#left -= size;
    let isHeld = true;
    return {
      free: () => {
        if (isHeld) this.#give(size);
        isHeld = false;
      },
    };
  }

  async #turn(bytes: number): Promise<void> {
    const turn = Promise.withResolvers<void>();
    const waiting = { bytes, start: turn.resolve };
    this.#queue.push(waiting);
    const over = new AbortController();
    const late = this.#clock.sleep(this.#waitMs, over.signal).catch(() => {});
    await Promise.race([turn.promise, late]);
    over.abort();
    const at = this.#queue.indexOf(waiting);
    if (at < 0) return;
    this.#queue.splice(at, 1);
    // A smaller one behind it may fit.
    this.#give(0);
    throw new AppError(
      "UNAVAILABLE",
      "This server receives as many large uploads as its memory allows; try again in a moment.",
      { retryAfterSeconds: 10 },
    );
  }

  #give(bytes: number): void {
    this.#left += bytes;
    for (
      let next = this.#queue[0];
      next && next.bytes <= this.#left;
      next = this.#queue[0]
    ) {
      this.#queue.shift();
      this.#left -= next.bytes;
      next.start();
    }
  }
}
