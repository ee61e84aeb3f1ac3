/**
 * Responses in progress: the server stops when they are done, and does not wait
 * for clients that do not read.
 *
 * @module
 */

import type { IdleConnections } from "./idle_connections.ts";
import type { CountedResponse } from "./node_response.ts";

/** An unfinished response and its progress at the last check. */
interface Flight {
  readonly response: CountedResponse;
  /** Index in the list. */
  at: number;
  produced: number;
  pending: number;
  /** Time of the last progress, by `performance.now()`. */
  since: number;
}

/**
 * Tracks unfinished responses. In an array: the outgrown tables of a Map whose
 * entries come and go hold dead entries, and what these refer to, until a full
 * garbage collection.
 */
export class InFlight {
  readonly #flights: Flight[] = [];
  readonly #idle: IdleConnections;
  #ended: (() => void) | undefined;

  /** @param idle learns when requests of connections begin and end. */
  constructor(idle: IdleConnections) {
    this.#idle = idle;
  }

  /** Number of unfinished responses. */
  get size(): number {
    return this.#flights.length;
  }

  /** Tracks `response` until it is closed. */
  add(response: CountedResponse): void {
    if (this.#ended) lastOfConnection(response);
    const at = this.#flights.length;
    const flight = { response, at, produced: 0, pending: 0, since: 0 };
    this.#flights.push(flight);
    this.#idle.used(response.req.socket);
    response.once("close", () => this.#remove(flight));
  }

  #remove({ at, response }: Flight): void {
    this.#idle.rested(response.req.socket);
    const last = this.#flights.pop();
    if (last && last.at !== at) {
      last.at = at;
      this.#flights[at] = last;
    }
    if (this.#flights.length === 0) this.#ended?.();
  }

  /**
   * Destroys the connections whose client has accepted no bytes for `idleMs`
   * milliseconds, and returns how many. Responses that wait for the server
   * itself are not affected.
   */
  dropUnread(idleMs: number, now = performance.now()): number {
    let dropped = 0;
    // A connection that is destroyed may leave the list at once.
    for (const flight of [...this.#flights]) {
      const { response } = flight;
      const { produced, writableLength: pending } = response;
      const moved = produced !== flight.produced || pending !== flight.pending;
      if (pending === 0 || moved) {
        Object.assign(flight, { produced, pending, since: now });
      } else if (now - flight.since >= idleMs) {
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
    for (const { response } of this.#flights) lastOfConnection(response);
    if (this.#flights.length === 0) return;
    const limit = setTimeout(resolve, limitMs);
    await promise;
    clearTimeout(limit);
  }
}

/** Makes the client open another connection for its next request. */
function lastOfConnection(response: CountedResponse): void {
  if (!response.headersSent) response.setHeader("connection", "close");
}
