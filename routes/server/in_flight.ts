/**
 * The requests that are being answered: the server stops when they are done.
 *
 * @module
 */

import type { ServerResponse } from "node:http";

/** Keeps the responses that are not finished. */
export class InFlight {
  readonly #responses = new Set<ServerResponse>();
  #ended: (() => void) | undefined;

  /** Keeps `response` until it is closed. */
  add(response: ServerResponse): void {
    if (this.#ended) lastOfConnection(response);
    this.#responses.add(response);
    response.once("close", () => {
      this.#responses.delete(response);
      if (this.#responses.size === 0) this.#ended?.();
    });
  }

  /** Resolves when all are answered, or when `limitMs` milliseconds are over. */
  async end(limitMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ended = resolve;
    for (const response of this.#responses) lastOfConnection(response);
    if (this.#responses.size === 0) return;
    const limit = setTimeout(resolve, limitMs);
    await promise;
    clearTimeout(limit);
  }
}

/** Has the client open another connection for its next request. */
function lastOfConnection(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader("connection", "close");
}
