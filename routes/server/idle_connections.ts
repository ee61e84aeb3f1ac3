/**
 * Connections between two requests. `node:http` counts their time from the last
 * byte, so that a client that sends an empty line now and then, which requests
 * may begin with (RFC 9112, section 2.2), would keep its connection for ever.
 *
 * @module
 */

import type { Socket } from "node:net";

/** An open connection. */
interface Connection {
  readonly socket: Socket;
  /** Index in the list. */
  at: number;
  /** Requests without a complete response; a pipelined one begins before the end of the one before. */
  running: number;
  /** End of the last response, by `performance.now()`. */
  since: number;
}

/** Tracks since when connections have no request. */
export class IdleConnections {
  readonly #open: Connection[] = [];
  readonly #bySocket = new WeakMap<Socket, Connection>();

  /** Tracks a new connection until it is closed. */
  add(socket: Socket): void {
    const at = this.#open.length;
    const connection = { socket, at, running: 0, since: performance.now() };
    this.#open.push(connection);
    this.#bySocket.set(socket, connection);
    socket.once("close", () => this.#remove(connection));
  }

  /** A request of the connection begins, or something else than a request. */
  used(socket: Socket): void {
    const connection = this.#bySocket.get(socket);
    if (connection) connection.running++;
  }

  /** The response is complete. */
  rested(socket: Socket): void {
    const connection = this.#bySocket.get(socket);
    if (!connection) return;
    connection.running--;
    connection.since = performance.now();
  }

  /** Closes connections that have had no request for `limitMs` milliseconds. */
  close(limitMs: number, now = performance.now()): void {
    // A connection that is destroyed may leave the list at once.
    for (const { socket, running, since } of [...this.#open]) {
      if (running === 0 && now - since >= limitMs) socket.destroy();
    }
  }

  #remove({ at }: Connection): void {
    const last = this.#open.pop();
    if (last && last.at !== at) {
      last.at = at;
      this.#open[at] = last;
    }
  }
}
