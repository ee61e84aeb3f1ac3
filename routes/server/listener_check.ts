/**
 * Checks that the listener still accepts connections: after the process ran out
 * of file descriptors once, that of Deno's `node:http` silently stops
 * accepting.
 *
 * @module
 */

import { connect, type Socket } from "node:net";
import type { Server } from "node:http";
import type { Logger } from "../../lib/log.ts";

/** Options of {@linkcode ListenerCheck}. */
export interface ListenerCheckOptions {
  readonly server: Server;
  /** Host name of the listener. */
  readonly hostname: string;
  readonly port: number;
  readonly log: Logger;
  /** Called once when the listener cannot be restored. */
  readonly onDead: () => void;
  /** Interval of checks, in milliseconds. */
  readonly intervalMs?: number;
  /** Timeout of a test connection, in milliseconds. */
  readonly patienceMs?: number;
}

/** Consecutive failures until the server listens again, and until it gives up. */
const FAILURES_TO_LISTEN = 2;
const FAILURES_TO_END = 5;

/** Result of a check; `unknown` when the process cannot open a connection itself. */
type Look = "accepts" | "silent" | "unknown";

/** Checks a listener periodically, and listens again when it is dead. */
export class ListenerCheck {
  readonly #options: ListenerCheckOptions;
  readonly #interval: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Called with the remote port of each accepted connection. */
  #awaited: ((port: number | undefined) => void) | undefined;
  /** Connections since the last check: a busy server needs no test connection. */
  #accepted = 0;
  #failures = 0;
  #stopped = false;

  constructor(options: ListenerCheckOptions) {
    this.#options = options;
    this.#interval = options.intervalMs ?? 10_000;
    this.#schedule();
  }

  /** Reports that a connection was accepted. */
  accepted(socket: Pick<Socket, "remotePort">): void {
    this.#accepted++;
    // Looking up the port is the most expensive part here.
    this.#awaited?.(socket.remotePort);
  }

  /** Ends the checks. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#stopped) return;
    // A silent listener is checked again soon.
    const wait = this.#interval / (this.#failures > 0 ? 10 : 1);
    this.#timer = setTimeout(() => void this.#check(), wait);
  }

  async #check(): Promise<void> {
    const busy = this.#accepted > 0;
    this.#accepted = 0;
    const look = busy ? "accepts" : await this.#look();
    // The test connection does not count as traffic.
    if (!busy && look === "accepts") this.#accepted = 0;
    if (this.#stopped) return;
    if (look !== "silent") {
      this.#failures = 0;
      return this.#schedule();
    }
    const { log, onDead } = this.#options;
    this.#failures++;
    log.error("listener accepts no connections", { times: this.#failures });
    if (this.#failures >= FAILURES_TO_END) {
      this.stop();
      return onDead();
    }
    if (this.#failures >= FAILURES_TO_LISTEN) await this.#listenAgain();
    this.#schedule();
  }

  /** Opens a test connection and waits until it is accepted. */
  #look(): Promise<Look> {
    const { hostname, port, patienceMs = 5_000 } = this.#options;
    const host = hostname === "0.0.0.0"
      ? "127.0.0.1"
      : hostname === "::"
      ? "::1"
      : hostname;
    return new Promise((resolve) => {
      const socket = connect({ host, port });
      const finish = (look: Look) => {
        clearTimeout(timer);
        this.#awaited = undefined;
        socket.destroy();
        resolve(look);
      };
      const timer = setTimeout(() => finish("silent"), patienceMs);
      socket.on(
        "error",
        (error: Error & { code?: string }) =>
          finish(NO_DESCRIPTOR.has(error.code ?? "") ? "unknown" : "silent"),
      );
      const seen = new Set<number | undefined>();
      this.#awaited = (remote) => {
        seen.add(remote);
        if (socket.localPort !== undefined && seen.has(socket.localPort)) {
          finish("accepts");
        }
      };
      socket.on("connect", () => {
        if (seen.has(socket.localPort)) finish("accepts");
      });
    });
  }

  async #listenAgain(): Promise<void> {
    const { server, hostname, port, log } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject);
    try {
      if (server.listening) server.close();
      server.listen(port, hostname, resolve);
      await promise;
      log.warn("listening again", { hostname, port });
    } catch (error) {
      log.error("cannot listen again", { error });
    } finally {
      server.off("error", reject);
    }
  }
}

/** System errors for a process or machine without free descriptors. */
const NO_DESCRIPTOR = new Set(["EMFILE", "ENFILE"]);
