/**
 * Requests that a client sends without waiting for the response before
 * (pipelining). They are handled one after the other: `node:http` starts all of
 * them at once and keeps their responses in memory until the client reads.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Most requests of a connection that wait. Each keeps its head in memory. */
const MAX_WAITING = 64;

/** Orders the requests of each connection. */
export class Pipelining {
  readonly #waiting = new WeakMap<Socket, number>();

  /**
   * Calls `handle` now, or once the responses to earlier requests of the
   * connection are complete; never if the connection closes before. A client
   * with more than {@linkcode MAX_WAITING} waiting requests is disconnected.
   */
  inTurn(
    request: IncomingMessage,
    response: ServerResponse,
    handle: () => void,
  ): void {
    // A response gets its socket when the one before it is complete.
    if (response.socket !== null) return handle();
    const { socket } = request;
    const waiting = (this.#waiting.get(socket) ?? 0) + 1;
    if (waiting > MAX_WAITING) {
      socket.destroy();
      return;
    }
    this.#waiting.set(socket, waiting);
    response.once("socket", () => {
      this.#waiting.set(socket, (this.#waiting.get(socket) ?? 1) - 1);
      handle();
    });
  }
}
