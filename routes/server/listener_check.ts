/**
 * Finds out whether the listener still accepts: after the process once had no
 * file descriptor left, that of Deno's `node:http` does not, and says nothing.
 *
 * @module
 */

import { connect, type Socket } from "node:net";
import type { Server } from "node:http";
import type { Logger } from "../../lib/log.ts";

/** Options of {@linkcode ListenerCheck}. */
export interface ListenerCheckOptions {
  readonly server: Server;
  /** Where the server listens. */
  readonly hostname: string;
  readonly port: number;
  readonly log: Logger;
  /** Called once when the listener cannot be brought back. */
  readonly onDead: () => void;
  /** How often to look, in milliseconds. */
  readonly intervalMs?: number;
  /** How long an own connection may take, in milliseconds. */
  readonly patienceMs?: number;
}

/** Failures in a row until the server listens again, and until it is given up. */
const FAILURES_TO_LISTEN = 2;
const FAILURES_TO_END = 5;

/** Outcome of one look; `unknown` when the process cannot open a connection itself. */
type Look = "accepts" | "silent" | "unknown";

/** Looks at a listener from time to time, and listens anew when it is dead. */
export class ListenerCheck {
  readonly #options: ListenerCheckOptions;
  readonly #interval: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Called with the remote port of each connection that is accepted. */
  #awaited: ((port: number | undefined) => void) | undefined;
  /** Connections since the last look: a busy server needs none of ours. */
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
    // Looking up the port costs more than all else here.
    this.#awaited?.(socket.remotePort);
  }

  /** Ends the checks. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#stopped) return;
    // A silent listener is looked at again soon.
    const wait = this.#interval / (this.#failures > 0 ? 10 : 1);
    this.#timer = setTimeout(() => void this.#check(), wait);
  }

  async #check(): Promise<void> {
    const busy = this.#accepted > 0;
    this.#accepted = 0;
    const look = busy ? "accepts" : await this.#look();
    // The own connection is none of the traffic.
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

  /** Opens a connection to the server itself and waits until it is accepted. */
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

/** What the system says when a process or the machine has no descriptor left. */
const NO_DESCRIPTOR = new Set(["EMFILE", "ENFILE"]);
