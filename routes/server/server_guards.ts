/**
 * Monitors the connections of a running server: their number, whether responses
 * are read, and whether the listener still accepts.
 *
 * @module
 */

import type { Server } from "node:http";
import type { Socket } from "node:net";
import { AppError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";
import { Connections } from "./connections.ts";
import { RefusalLog } from "./refusal_log.ts";
import type { IdleConnections } from "./idle_connections.ts";
import type { InFlight } from "./in_flight.ts";
import { ListenerCheck } from "./listener_check.ts";
import { LOOK_MS, NO_LIMITS, type ServerLimits } from "./server_limits.ts";

/** Options of {@linkcode ServerGuards}; see `ListenOptions`. */
export interface GuardOptions {
  readonly hostname: string;
  readonly log: Logger;
  readonly limits?: ServerLimits;
  readonly onDead?: (error: AppError) => void;
}

/** What is known about the connections of a server. */
export interface Watched {
  readonly inFlight: InFlight;
  readonly idle: IdleConnections;
}

/** Keeps the connections of one server within its limits. */
export class ServerGuards {
  readonly #server: Server;
  readonly #watched: Watched;
  readonly #options: GuardOptions;
  readonly #limits: ServerLimits;
  readonly #connections: Connections;
  readonly #refusals: RefusalLog;
  #check: ListenerCheck | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(server: Server, watched: Watched, options: GuardOptions) {
    const { limits = NO_LIMITS, log } = options;
    this.#server = server;
    this.#watched = watched;
    this.#options = options;
    this.#limits = limits;
    this.#connections = new Connections(limits.connections);
    this.#refusals = new RefusalLog(log, limits.connections);
    server.on("connection", (socket) => this.#admit(socket));
  }

  /** Starts the checks of a server that listens on `port`. */
  start(port: number): void {
    const { hostname, log, onDead } = this.#options;
    this.#check = new ListenerCheck({
      server: this.#server,
      hostname,
      port,
      log,
      onDead: () =>
        onDead?.(
          new AppError(
            "UNAVAILABLE",
            "The server accepts no connections any more and cannot be brought back, so the program ends.",
          ),
        ),
    });
    const { idleMs, keepAliveMs, headMs } = this.#limits;
    const { inFlight, idle } = this.#watched;
    this.#timer = setInterval(() => {
      // A head that begins at the last moment has its own time.
      idle.close(keepAliveMs + headMs);
      const dropped = inFlight.dropUnread(idleMs);
      if (dropped > 0) log.info("unread responses dropped", { dropped });
    }, Math.min(LOOK_MS, idleMs, keepAliveMs));
  }

  /** The listener is going to close. */
  stopChecks(): void {
    this.#check?.stop();
  }

  /** Stops everything. */
  stop(): void {
    this.stopChecks();
    clearInterval(this.#timer);
  }

  #admit(socket: Socket): void {
    this.#check?.accepted(socket);
    const refused = this.#connections.admit(socket);
    if (refused === undefined) return this.#watched.idle.add(socket);
    const { remoteAddress } = socket;
    socket.destroy();
    this.#refusals.refused(refused, remoteAddress);
    // Connections between two requests make room for the next ones.
    if (refused === "total") this.#server.closeIdleConnections();
  }
}
