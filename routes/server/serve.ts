/**
 * The only file that decides how the program listens. On a machine: `node:http`
 * through @hono/node-server, because `Deno.serve` of Deno 2.8.3 and later reads
 * chunked request bodies in quadratic time, which would slow down `podman
 * push`. On Deno Deploy only `Deno.serve` can listen.
 *
 * @module
 */

import { createServer, IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import {
  getRequestListener,
  type Http2Bindings,
  type HttpBindings,
} from "@hono/node-server";
import { AppError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";
import {
  type LengthMismatch,
  logMismatch,
  withAnnouncedLength,
} from "./announced_length.ts";
import { ServerGuards } from "./server_guards.ts";
import { IdleConnections } from "./idle_connections.ts";
import { InFlight } from "./in_flight.ts";
import { withNodeBody } from "./node_request.ts";
import { CountedResponse } from "./node_response.ts";
import { Pipelining } from "./pipelining.ts";
import { LOOK_MS, NO_LIMITS, type ServerLimits } from "./server_limits.ts";
import { announcesBody, isAmbiguous, refuseAmbiguous } from "./request_head.ts";

/** Handles connections that upgrade to WebSockets. */
export interface Upgrade {
  /** Whether an upgrade request is handled here; others are served as normal requests. */
  wants(request: IncomingMessage): boolean;
  /** Takes over the connection of an accepted request. */
  take(request: IncomingMessage, socket: Duplex, head: Uint8Array): void;
}

/** The connection of a request. */
export interface Connection {
  /** Network address of the peer, which may be a proxy. */
  readonly remoteAddress?: string | undefined;
  /**
   * Adds a header to the response, in addition to those of the Response. If
   * present, it avoids opening the Response's `headers`, which makes a small
   * response a third more expensive.
   */
  addHeader?(name: string, value: string): void;
  /**
   * Set by a handler that upgraded the connection: older versions of Deno take
   * no copy of that response.
   */
  upgraded?: Response;
}

/** Handles a request. */
export type Handler = (
  request: Request,
  connection: Connection,
) => Response | Promise<Response>;

/** Options of {@linkcode listen}. */
export interface ListenOptions {
  hostname: string;
  port: number;
  fetch: Handler;
  upgrade?: Upgrade;
  log: Logger;
  /** By default only those of `node:http`. */
  limits?: ServerLimits;
  /** Called when the server stops accepting connections and cannot be restored. */
  onDead?: (error: AppError) => void;
}

/** A server that accepts requests. */
export interface Listening {
  readonly port: number;
  /**
   * Stops accepting, lets requests in progress finish, and aborts those still
   * running after `graceMs` milliseconds.
   */
  stop(graceMs: number): Promise<void>;
}

/**
 * Starts to listen. Throws AppError `UNAVAILABLE` that names the setting when
 * the address is in use.
 */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { hostname, upgrade, log, limits = NO_LIMITS } = options;
  const idle = new IdleConnections();
  const inFlight = new InFlight(idle);
  const cut = (mismatch: LengthMismatch) => logMismatch(log, mismatch);
  const broken = (path: string, error: Error) =>
    log.error("response broken off, its source failed", { path, error });
  // The library replaces the global Response by a leaner one, which makes
  // responses a third cheaper; it lacks `bytes()`, which must not be called
  // here.
  const answer = getRequestListener((request, bindings) => {
    const { incoming, outgoing } = bindings;
    const plain = incoming instanceof IncomingMessage &&
      outgoing instanceof ServerResponse;
    return options.fetch(
      plain
        ? withNodeBody(request, incoming, outgoing, limits.idleMs)
        : request,
      new NodeConnection(bindings),
    );
  }, { hostname });
  const serverOptions = {
    ServerResponse: CountedResponse,
    headersTimeout: limits.headMs,
    // An upload may take hours; a stalled body is detected where it is read.
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: Math.min(LOOK_MS, limits.headMs),
    // Some clients offer HTTP/2 this way and work without it.
    shouldUpgradeCallback: (request: IncomingMessage) =>
      upgrade?.wants(request) ?? false,
  };
  const pipelining = new Pipelining();
  const server = createServer(serverOptions, (request, response) => {
    pipelining.inTurn(request, response, () => serve(request, response));
  });
  const serve = (
    request: IncomingMessage,
    response: CountedResponse<IncomingMessage>,
  ) => {
    inFlight.add(response);
    response.onMismatch = cut;
    response.onFailure = broken;
    // An unread body would block the next request of its connection.
    if (request.method === "GET" || request.method === "HEAD") {
      request.resume();
      if (announcesBody(request)) endUnfinished(request, response);
    }
    if (isAmbiguous(request)) refuseAmbiguous(request, response);
    else void answer(request, response);
  };
  const guards = new ServerGuards(server, { inFlight, idle }, options);
  await new Promise<void>((resolve, reject) => {
    const failed = (cause: Error) => reject(listenError(options, cause));
    server.once("error", failed);
    server.listen(options.port, hostname, () => {
      server.off("error", failed);
      resolve();
    });
  });
  server.on("error", (error) => log.error("server error", { error }));
  const address = server.address();
  const port = typeof address === "object" && address
    ? address.port
    : options.port;
  guards.start(port);
  server.on("upgrade", (request, socket, head) => {
    idle.used(request.socket);
    if (upgrade?.wants(request)) upgrade.take(request, socket, head);
    else socket.destroy();
  });
  return {
    port,
    stop: async (graceMs) => {
      guards.stopChecks();
      if (server.listening) server.close();
      server.closeIdleConnections();
      // `close` of Deno's node:http does not wait for requests in progress.
      await inFlight.end(graceMs);
      guards.stop();
      server.closeAllConnections();
    },
  };
}

/**
 * Closes the connection when the body of a request has not arrived a second
 * after the response: it may never arrive.
 */
function endUnfinished(
  request: IncomingMessage,
  response: ServerResponse,
): void {
  response.once("finish", () => {
    if (request.complete) return;
    const { socket } = request;
    const timer = setTimeout(() => {
      if (!request.complete) socket.destroy();
    }, 1_000);
    socket.once("close", () => clearTimeout(timer));
    request.once("end", () => clearTimeout(timer));
  });
}

/** {@linkcode Connection} of `node:http`. */
class NodeConnection implements Connection {
  readonly #bindings: HttpBindings | Http2Bindings;

  constructor(bindings: HttpBindings | Http2Bindings) {
    this.#bindings = bindings;
  }

  get remoteAddress(): string | undefined {
    return this.#bindings.incoming.socket.remoteAddress;
  }

  addHeader(name: string, value: string): void {
    this.#bindings.outgoing.setHeader(name, value);
  }
}

/** First version of Deno whose `node:http` serves requests with bodies. */
const NODE_HTTP_SINCE = [2, 8];

/**
 * Whether `Deno.serve` listens: on Deno Deploy, and with older versions of
 * Deno, where it reads chunked bodies quickly and `node:http` loses them.
 */
export function usesDenoServe(deploy: boolean): boolean {
  const [major = 0, minor = 0] = Deno.version.deno.split(".").map(Number);
  const [since = 0, sinceMinor = 0] = NODE_HTTP_SINCE;
  return deploy || major < since || major === since && minor < sinceMinor;
}

/** Options of {@linkcode listenByDeno}. */
export interface DenoListenOptions {
  readonly fetch: Handler;
  readonly log: Logger;
  /** Undefined on Deno Deploy, which chooses the address itself. */
  readonly address?: { readonly hostname: string; readonly port: number };
}

/** Listens by `Deno.serve`; see {@linkcode usesDenoServe}. Throws like {@linkcode listen}. */
export function listenByDeno(options: DenoListenOptions): Listening {
  const { fetch, log, address } = options;
  const cut = (mismatch: LengthMismatch) => logMismatch(log, mismatch);
  const abort = new AbortController();
  const serve: Deno.ServeHandler = async (request, { remoteAddr }) => {
    const connection: Connection = "hostname" in remoteAddr
      ? { remoteAddress: remoteAddr.hostname }
      : {};
    const response = await fetch(request, connection);
    if (connection.upgraded) return connection.upgraded;
    return withAnnouncedLength(response, request, cut);
  };
  const { signal } = abort;
  const quiet = { signal, onListen: () => {} };
  let server: Deno.HttpServer;
  try {
    server = address
      ? Deno.serve({ ...quiet, ...address }, serve)
      : Deno.serve(quiet, serve);
  } catch (error) {
    if (!address || !(error instanceof Error)) throw error;
    throw listenError(address, error);
  }
  return {
    port: address?.port ?? 443,
    stop: async (graceMs) => {
      const limit = setTimeout(() => abort.abort(), graceMs);
      try {
        await server.shutdown();
      } finally {
        clearTimeout(limit);
      }
    },
  };
}

function listenError(
  options: Pick<ListenOptions, "hostname" | "port">,
  cause: Error,
): AppError {
  const where = `${options.hostname}:${options.port}`;
  const code = "code" in cause ? cause.code : undefined;
  const taken = code === "EADDRINUSE" ||
    cause instanceof Deno.errors.AddrInUse;
  const sentence = taken
    ? `The address ${where} is taken by another program. Stop it, or choose another one with the setting server.addr (ATCR_SERVER_ADDR).`
    : `The program cannot listen on ${where} (${cause.message}). Look at the setting server.addr (ATCR_SERVER_ADDR).`;
  return new AppError("UNAVAILABLE", sentence, { cause });
}
