/**
 * Keeps to the rate limits of PDSes (status 429): a refusal for some seconds is
 * waited out, one for minutes is remembered and not asked for again.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import type { Clock } from "../../clock.ts";
import { XrpcFailure } from "./xrpc.ts";

/** Longest time that a call waits for its PDS, in all, in milliseconds. */
const MAX_WAIT_MS = 10_000;

/** Refusals for at least this long are remembered, in milliseconds. */
const REMEMBER_FROM_MS = 120_000;

/** No refusal is remembered for longer, in milliseconds. */
const REMEMBER_UP_TO_MS = 15 * 60_000;

/** Refusals that are remembered. */
const REMEMBERED = 10_000;

/** What is limited together: an account's calls of one method, for instance. */
export interface PacedCall {
  readonly key: string;
  readonly nsid: string;
  /** False for reads, which have old data to fall back on; true by default. */
  readonly waits?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** The rate limits that PDSes have announced. */
export class PdsPace {
  readonly #clock: Clock;
  readonly #closedUntil = new LRUCache<string, number>({ max: REMEMBERED });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Sends, and sends again after the seconds that the PDS asks for. Throws
   * XrpcFailure with status 429 when it asks for more time or refuses again,
   * and without sending while it is known to refuse.
   */
  async run<T>(call: PacedCall, send: () => Promise<T>): Promise<T> {
    const { key, nsid, signal, waits = true } = call;
    const closedFor = this.#closedFor(key);
    if (closedFor > 0) throw refused(nsid, closedFor);
    let waited = 0;
    for (;;) {
      try {
        return await send();
      } catch (error) {
        const wait = waitOf(error);
        if (wait === undefined) throw error;
        if (wait >= REMEMBER_FROM_MS) this.#remember(key, wait);
        waited += Math.max(wait, 1_000);
        if (!waits || waited > MAX_WAIT_MS || signal?.aborted) throw error;
        await this.#clock.sleep(wait, signal);
        if (signal?.aborted) throw error;
      }
    }
  }

  /** Milliseconds for which the PDS refuses. A clock that was set back reopens it. */
  #closedFor(key: string): number {
    const left = (this.#closedUntil.get(key) ?? 0) - this.#clock.now();
    return left <= REMEMBER_UP_TO_MS ? left : 0;
  }

  #remember(key: string, wait: number): void {
    const until = this.#clock.now() + Math.min(wait, REMEMBER_UP_TO_MS);
    this.#closedUntil.set(key, until);
  }
}

/** The wait that a refusal announces, in milliseconds; undefined for anything else. */
function waitOf(error: unknown): number | undefined {
  if (!(error instanceof XrpcFailure) || error.status !== 429) return undefined;
  const seconds = error.retryAfterSeconds;
  return seconds === undefined ? undefined : seconds * 1000;
}

function refused(nsid: string, ms: number): XrpcFailure {
  const seconds = Math.ceil(ms / 1000);
  const reason = "the limit that it announced before is not over";
  return new XrpcFailure(nsid, 429, "RateLimitExceeded", reason, seconds);
}
