/**
 * Enforces time and size limits on one request.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { AppError, isAppError } from "../errors.ts";
import { upstreamFailure } from "./fetch_failure.ts";

/** Bounds that a watchdog enforces. */
export interface WatchdogLimits {
  /** Milliseconds for the whole exchange. */
  timeoutMs: number;
  /** Milliseconds without progress. */
  idleTimeoutMs: number;
  /** Maximum size of the response body in bytes. */
  maxBytes: number;
  /** Bytes of the response body per second of waiting for them; 0 for no limit. */
  minBytesPerSecond: number;
}

/** The rate of a body is judged after each such time of waiting, in milliseconds. */
const RATE_MS = 30_000;

/** Ends the watch. Without a reason, each end would make an error with a stack. */
const ENDED = "the exchange has ended";

/** Abort reason of the watchdog; the caller adds the host. */
class TimedOut extends Error {}

/** Watches one exchange from the first byte sent to the last byte read. */
export class Watchdog {
  readonly #clock: Clock;
  readonly #limits: WatchdogLimits;
  readonly #abort = new AbortController();
  readonly #done = new AbortController();
  /** Since when we have been waiting for the server; undefined while we are not. */
  #waitingSince: number | undefined;
  #sourceError: { error: unknown } | undefined;

  /** @param outer the caller's own signal. */
  constructor(clock: Clock, limits: WatchdogLimits, outer?: AbortSignal) {
    this.#clock = clock;
    this.#limits = limits;
    this.#waitingSince = clock.now();
    if (outer?.aborted) this.#abort.abort(outer.reason);
    outer?.addEventListener("abort", () => this.#abort.abort(outer.reason), {
      once: true,
      signal: this.#done.signal,
    });
    void this.#watchTotal();
    void this.#watchIdle();
  }

  /** Aborted when a limit is reached or the caller gives up. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Stops watching. */
  stop(): void {
    this.#done.abort(ENDED);
  }

  /** Resolves as `work`, or rejects as soon as a limit is reached. */
  async race<T>(work: Promise<T>): Promise<T> {
    const { signal } = this;
    let giveUp = () => {};
    const aborted = new Promise<never>((_, reject) => {
      giveUp = () => reject(signal.reason);
      if (signal.aborted) giveUp();
      else signal.addEventListener("abort", giveUp, { once: true });
    });
    try {
      return await Promise.race([aborted, work]);
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  /** The same body; waiting for its source does not count as server idle time. */
  watchUpload(
    body: Uint8Array | ReadableStream<Uint8Array> | undefined,
  ): Uint8Array | ReadableStream<Uint8Array> | undefined {
    if (!(body instanceof ReadableStream)) return body;
    return this.#tap(body, {
      before: () => this.#waitingSince = undefined,
      after: () => this.#waitingSince = this.#clock.now(),
      failed: (error) => {
        this.#sourceError = { error };
        return error;
      },
    });
  }

  /** The same response with a body that enforces the limits and stops the watch at its end. */
  watchAnswer(response: Response, host: string): Response {
    const { maxBytes } = this.#limits;
    const length = response.headers.get("content-length");
    const tooLarge = () =>
      new AppError(
        "TOO_LARGE",
        `The response of ${host} is larger than the limit of ${maxBytes} bytes.`,
        { detail: { host, limit: maxBytes } },
      );
    if (!response.body) {
      this.stop();
      return response;
    }
    if (length !== null && Number(length) > maxBytes) {
      void response.body.cancel().catch(() => {});
      throw tooLarge();
    }
    let received = 0;
    this.#waitingSince = undefined;
    const rate = new Rate(this.#limits.minBytesPerSecond);
    const body = this.#tap(response.body, {
      before: () => this.#waitingSince = this.#clock.now(),
      after: (chunk) => {
        const now = this.#clock.now();
        const waited = now - (this.#waitingSince ?? now);
        this.#waitingSince = undefined;
        received += chunk?.byteLength ?? 0;
        rate.add(chunk?.byteLength ?? 0, waited);
        if (received > maxBytes) throw tooLarge();
      },
      failed: (error) => this.failure(error, host),
      ended: () => this.stop(),
    });
    const { status, headers } = response;
    return new Response(body, { status, headers });
  }

  /** The error to show for `error`: timeouts and network errors name the host. */
  failure(error: unknown, host: string): unknown {
    const cause = this.signal.aborted ? this.signal.reason : error;
    if (cause instanceof TimedOut) {
      return new AppError(
        "UPSTREAM_TIMEOUT",
        `The server ${host} ${cause.message}. Try again in a while.`,
        { detail: { host } },
      );
    }
    if (this.signal.aborted) return cause;
    if (this.#sourceError) return this.#sourceError.error;
    return isAppError(cause) ? cause : upstreamFailure(host, cause);
  }

  /** Passes chunks through, one at a time and only on demand. */
  #tap(source: ReadableStream<Uint8Array>, hooks: {
    before: () => void;
    /** Receives the chunk, or undefined at the end. */
    after: (chunk: Uint8Array | undefined) => void;
    /** Returns the error to report. */
    failed: (error: unknown) => unknown;
    ended?: () => void;
  }): ReadableStream<Uint8Array> {
    const reader = source.getReader();
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        try {
          hooks.before();
          const { done, value } = await this.race(reader.read());
          hooks.after(value);
          if (value) controller.enqueue(value);
          if (done) {
            hooks.ended?.();
            controller.close();
          }
        } catch (error) {
          const shown = hooks.failed(error);
          hooks.ended?.();
          void reader.cancel(shown).catch(() => {});
          throw shown;
        }
      },
      cancel: async (reason) => {
        hooks.ended?.();
        await reader.cancel(reason);
      },
    }, { highWaterMark: 0 });
  }

  async #watchTotal(): Promise<void> {
    const { timeoutMs } = this.#limits;
    if (!Number.isFinite(timeoutMs)) return;
    await this.#clock.sleep(timeoutMs, this.#done.signal);
    this.#giveUp(new TimedOut(`did not finish within ${timeoutMs} ms`));
  }

  async #watchIdle(): Promise<void> {
    const { idleTimeoutMs } = this.#limits;
    if (!Number.isFinite(idleTimeoutMs)) return;
    while (!this.#done.signal.aborted) {
      const now = this.#clock.now();
      const idle = now - (this.#waitingSince ?? now);
      if (idle >= idleTimeoutMs) {
        this.#giveUp(new TimedOut(`made no progress for ${idleTimeoutMs} ms`));
        return;
      }
      await this.#clock.sleep(idleTimeoutMs - idle, this.#done.signal);
    }
  }

  #giveUp(reason: TimedOut): void {
    if (this.#done.signal.aborted) return;
    this.#abort.abort(reason);
  }
}

/** The rate at which a body arrives. */
class Rate {
  readonly #minimum: number;
  #bytes = 0;
  #waitedMs = 0;

  /** @param minimum bytes per second; 0 for any rate. */
  constructor(minimum: number) {
    this.#minimum = minimum;
  }

  /** Counts a chunk that was waited for. Throws {@linkcode TimedOut} when too few came lately. */
  add(bytes: number, waitedMs: number): void {
    this.#bytes += bytes;
    this.#waitedMs += Math.max(0, waitedMs);
    if (this.#waitedMs < RATE_MS) return;
    if (this.#bytes * 1_000 < this.#minimum * this.#waitedMs) {
      throw new TimedOut(
        `sent less than ${this.#minimum} bytes a second`,
      );
    }
    this.#bytes = 0;
    this.#waitedMs = 0;
  }
}
