/**
 * What a PDS can take at the moment, so that calls wait for it or fail at once. It
 * keeps to rate limits (status 429): a refusal for some seconds is waited out, one
 * for minutes is remembered and not asked for again. It remembers for a short time
 * which PDSes accept requests and do not respond: one call at a time finds out
 * whether such a PDS responds again, and the others fail at once.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import { type Clock, endsWithin, isWithin } from "../../clock.ts";
import { XrpcFailure } from "./xrpc.ts";
import { AppError } from "../../errors.ts";

/** Longest time that a call waits for its PDS, in all, in milliseconds. */
const MAX_WAIT_MS = 10_000;

/** Refusals for at least this long are remembered, in milliseconds. */
const REMEMBER_FROM_MS = 120_000;

/** No refusal is remembered for longer, in milliseconds. */
const REMEMBER_UP_TO_MS = 15 * 60_000;

/** Refusals, and PDSes, that are remembered. */
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

/** A PDS hangs when it has not responded to anything for this time, in milliseconds. */
const HANGS_AFTER_MS = 5_000;

/** How long it is taken to hang after a call has failed for that, in milliseconds. */
const REMEMBER_MS = 30_000;

/** How long the caller whose call finds out waits for it, in milliseconds. */
const PROBE_MS = 2_000;

/** What is known of one PDS; times in milliseconds since the Unix epoch. */
interface Host {
  /** Calls in progress by their start, the oldest first. */
  readonly waiting: Set<{ readonly since: number }>;
  answeredAt: number;
  silentUntil: number;
  /** Whether a call finds out if it responds again. */
  probing: boolean;
}

/** Watches calls to PDSes. */
export class PdsSilence {
  readonly #clock: Clock;
  readonly #hosts = new LRUCache<string, Host>({ max: REMEMBERED });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether the PDS at the origin `pds` hangs; an account without one waits for none. */
  isSilent(pds: string | undefined): boolean {
    if (pds === undefined) return false;
    const host = this.#hosts.peek(new URL(pds).host);
    return host !== undefined && this.#isSilent(host);
  }

  /**
   * Sends a call to the PDS named `name`. While it hangs, throws AppError
   * `UNAVAILABLE` without sending, except for one call at a time, which
   * continues after its caller was refused. `send` may wait for a slot of the
   * PDS: that counts as waiting for it, as a slot becomes free when the PDS
   * responds, and calls that are refused here take none.
   */
  async run<T>(name: string, send: () => Promise<T>): Promise<T> {
    const host = this.#hosts.get(name) ??
      { waiting: new Set(), answeredAt: 0, silentUntil: 0, probing: false };
    this.#hosts.set(name, host);
    if (!this.#isSilent(host)) return await this.#watch(host, send);
    if (host.probing) throw doesNotRespond(name);
    host.probing = true;
    const answer = this.#watch(host, send).finally(() => {
      host.probing = false;
    });
    const stop = new AbortController();
    const late = this.#clock.sleep(PROBE_MS, stop.signal).then(() => {
      throw doesNotRespond(name);
    });
    late.catch(() => {});
    try {
      return await Promise.race([answer, late]);
    } finally {
      answer.catch(() => {});
      stop.abort();
    }
  }

  async #watch<T>(host: Host, send: () => Promise<T>): Promise<T> {
    const call = { since: this.#clock.now() };
    host.waiting.add(call);
    try {
      const result = await send();
      this.#answered(host);
      return result;
    } catch (error) {
      if (error instanceof XrpcFailure) this.#answered(host);
      else if (this.#isUnanswered(host, call.since)) {
        host.silentUntil = this.#clock.now() + REMEMBER_MS;
      }
      throw error;
    } finally {
      host.waiting.delete(call);
    }
  }

  #answered(host: Host): void {
    host.answeredAt = this.#clock.now();
    host.silentUntil = 0;
  }

  #isSilent(host: Host): boolean {
    if (endsWithin(host.silentUntil, REMEMBER_MS, this.#clock.now())) {
      return true;
    }
    const [oldest] = host.waiting;
    return oldest !== undefined && this.#isUnanswered(host, oldest.since);
  }

  /** Whether a call that began at `since` has waited too long, without a response to any other. */
  #isUnanswered({ answeredAt }: Host, since: number): boolean {
    return answeredAt < since &&
      !isWithin(since, HANGS_AFTER_MS, this.#clock.now());
  }
}

function doesNotRespond(host: string): AppError {
  return new AppError(
    "UNAVAILABLE",
    `The PDS at ${host} does not respond at the moment. Try again in a while.`,
    { retryAfterSeconds: 5, detail: { host } },
  );
}
