/**
 * Memory for parts that are received for, and sent to, a store that takes only
 * large parts. Uploads share it, however many there are. While it does not
 * suffice, accounts with less of it come first, and those with the most lose
 * the parts that they have had for longest.
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

/** On whose behalf memory is reserved. */
export interface PartUser {
  readonly account: string;
  /**
   * Called at most once, when others need the memory: the request should end
   * with the error and give it back.
   */
  readonly evict: (error: AppError) => void;
  /** Aborted when the memory is not needed any more; the wait for it ends with the reason. */
  readonly over?: AbortSignal;
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

/** The share of the longest wait after which a part of an account with more ends. */
const EVICT_SHARE = 1 / 12;

/** A part with memory, or one that waits for it. */
interface Part extends PartUser {
  readonly bytes: number;
}

/** An upload that waits for memory. */
interface Waiting extends Part {
  readonly start: () => void;
}

/**
 * Initial size in bytes of the buffer of a part: most blobs that fit into one
 * part are tiny. Such buffers are bounded by the number of connections alone;
 * memory for larger ones is to be reserved.
 */
export const FIRST_BUFFER_BYTES = 256 * 1024;

/** A buffer that begins with `bytes`, `times` times as large, of at most `size` bytes. */
export function largerBuffer(
  bytes: Uint8Array,
  size: number,
  times: number,
): Uint8Array<ArrayBuffer> {
  const least = Math.max(FIRST_BUFFER_BYTES, times * bytes.length);
  const buffer = new Uint8Array(Math.min(size, least));
  buffer.set(bytes);
  return buffer;
}

/** Bounds the memory of parts. */
export class PartMemory {
  readonly #clock: Clock;
  readonly #total: number;
  readonly #waitMs: number;
  /** Those that wait, in the order in which they asked. */
  readonly #queue = new Set<Waiting>();
  /** Those with memory that were not evicted, the oldest first. */
  readonly #held = new Set<Part>();
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
   * `UNAVAILABLE` when there is none in time, and the reason of `user.over`.
   */
  async reserve(bytes: number, user: PartUser): Promise<PartBuffer> {
    const part = { ...user, bytes: Math.min(bytes, this.#total) };
    if (this.#queue.size > 0 || part.bytes > this.#left) await this.#turn(part);
    else this.#take(part);
    let isHeld = true;
    return {
      free: () => {
        this.#held.delete(part);
        if (isHeld) this.#give(part.bytes);
        isHeld = false;
      },
    };
  }

  /** Waits until `part` has memory. */
  async #turn(part: Part): Promise<void> {
    const turn = Promise.withResolvers<void>();
    const start = () => {
      this.#take(part);
      turn.resolve();
    };
    const waiting = { ...part, start };
    this.#queue.add(waiting);
    // It may be smaller than others that wait, of an account with less.
    this.#give(0);
    const end = new AbortController();
    const signal = part.over
      ? AbortSignal.any([end.signal, part.over])
      : end.signal;
    void this.#evictMeanwhile(part, signal);
    const late = this.#clock.sleep(this.#waitMs, signal);
    await Promise.race([turn.promise, late]);
    end.abort();
    if (!this.#queue.has(waiting)) return;
    this.#queue.delete(waiting);
    // A smaller one behind it may fit.
    this.#give(0);
    part.over?.throwIfAborted();
    throw noMemory();
  }

  /** Ends parts of accounts with more, one after the other, while `part` waits. */
  async #evictMeanwhile(part: Part, signal: AbortSignal): Promise<void> {
    const ms = this.#waitMs * EVICT_SHARE;
    while (!signal.aborted) {
      await this.#clock.sleep(ms, signal);
      if (!signal.aborted) this.#evictFor(part);
    }
  }

  #take(part: Part): void {
    this.#left -= part.bytes;
    this.#held.add(part);
  }

  #give(bytes: number): void {
    this.#left += bytes;
    for (let next = this.#next(); next; next = this.#next()) {
      if (next.bytes > this.#left) return;
      this.#queue.delete(next);
      next.start();
    }
  }

  /** Of those that wait, the first one of the account with the least memory. */
  #next(): Waiting | undefined {
    if (this.#queue.size === 0) return undefined;
    const usage = this.#usage();
    let least = Infinity;
    let next: Waiting | undefined;
    for (const waiting of this.#queue) {
      const used = usage.get(waiting.account) ?? 0;
      if (used >= least) continue;
      least = used;
      next = waiting;
    }
    return next;
  }

  /** Ends the oldest part of the account with the most, if it has more than that of `part` would. */
  #evictFor({ account, bytes }: Part): void {
    const usage = this.#usage();
    const own = (usage.get(account) ?? 0) + bytes;
    let most = own;
    let heaviest: string | undefined;
    for (const [other, used] of usage) {
      if (other === account || used <= most) continue;
      most = used;
      heaviest = other;
    }
    for (const part of this.#held) {
      if (heaviest === undefined || part.account !== heaviest) continue;
      this.#held.delete(part);
      part.evict(noMemory());
      return;
    }
  }

  /** Bytes by account. */
  #usage(): ReadonlyMap<string, number> {
    const usage = new Map<string, number>();
    for (const { account, bytes } of this.#held) {
      usage.set(account, (usage.get(account) ?? 0) + bytes);
    }
    return usage;
  }
}

function noMemory(): AppError {
  return new AppError(
    "UNAVAILABLE",
    "This server receives as many large uploads as its memory allows; try again in a moment.",
    { retryAfterSeconds: 10 },
  );
}
