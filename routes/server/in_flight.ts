/**
 * Responses in progress: the server stops when they are done, and does not wait
 * for clients that do not read.
 *
 * @module
 */

import type { CountedResponse } from "./node_response.ts";

/** Progress of a response at the last check. */
interface Progress {
  produced: number;
  pending: number;
  /** Time of the last progress, by `performance.now()`. */
  since: number;
}

/** Tracks unfinished responses. */
export class InFlight {
  readonly #responses = new Map<CountedResponse, Progress>();
  #ended: (() => void) | undefined;

  /** Number of unfinished responses. */
  get size(): number {
    return this.#responses.size;
  }

  /** Tracks `response` until it is closed. */
  add(response: CountedResponse): void {
    if (this.#ended) lastOfConnection(response);
    this.#responses.set(response, { produced: 0, pending: 0, since: 0 });
    response.once("close", () => {
      this.#responses.delete(response);
      if (this.#responses.size === 0) this.#ended?.();
    });
  }

  /**
   * Destroys the connections whose client has accepted no bytes for `idleMs`
   * milliseconds, and returns how many. Responses that wait for the server
   * itself are not affected.
   */
  dropUnread(idleMs: number, now = performance.now()): number {
    let dropped = 0;
    for (const [response, progress] of this.#responses) {
      const { produced, writableLength: pending } = response;
      const moved = produced !== progress.produced ||
        pending !== progress.pending;
      if (pending === 0 || moved) {
        Object.assign(progress, { produced, pending, since: now });
      } else if (now - progress.since >= idleMs) {
        response.req.socket.destroy();
        dropped++;
      }
    }
    return dropped;
  }

  /** Resolves when all are done, or after `limitMs` milliseconds. */
  async end(limitMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ended = resolve;
    for (const response of this.#responses.keys()) lastOfConnection(response);
    if (this.#responses.size === 0) return;
    const limit = setTimeout(resolve, limitMs);
    await promise;
    clearTimeout(limit);
  }
}

/** Makes the client open another connection for its next request. */
function lastOfConnection(response: CountedResponse): void {
  if (!response.headersSent) response.setHeader("connection", "close");
}
