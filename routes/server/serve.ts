/**
 * The one file that decides how the program listens.
 *
 * On a machine: `node:http` through @hono/node-server, because `Deno.serve` of
 * Deno 2.8.3 and later reads chunked request bodies in quadratic time, which
 * `podman push` would feel. On Deno Deploy only `Deno.serve` can listen.
 *
 * @module
 */

import { IncomingMessage, type Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import {
  type Http2Bindings,
  type HttpBindings,
  serve as serveNode,
} from "@hono/node-server";
import { AppError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";
import { withNodeBody } from "./node_request.ts";

/** Takes over connections that want to become WebSockets. */
export interface Upgrade {
  /** Whether a request that asks for another protocol gets it here; others are answered as if they had not asked. */
  wants(request: IncomingMessage): boolean;
  /** Takes the connection of a request that is wanted. */
  take(request: IncomingMessage, socket: Duplex, head: Uint8Array): void;
}

/** What is known of the connection that a request came by. */
export interface Connection {
  /** Network address of the other end, a proxy's where one stands in front. */
  readonly remoteAddress?: string | undefined;
  /**
   * Adds a header to the answer, beside those of the Response. Where it is
   * there, it spares opening the Response's `headers`, which makes a small
   * answer a third dearer.
   */
  addHeader?(name: string, value: string): void;
}

/** Answers a request. */
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
}

/** A server that accepts requests. */
export interface Listening {
  readonly port: number;
  /**
   * Stops accepting, lets requests in flight finish, and cuts those that are
   * still running after `graceMs` milliseconds.
   */
  stop(graceMs: number): Promise<void>;
}

/** Starts to listen. Throws AppError `UNAVAILABLE` that names the setting when the address is taken. */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { hostname, port, upgrade, log } = options;
  const serverOptions = {
    // An upload may take hours; the storage watches for stalled bodies.
    requestTimeout: 0,
    keepAliveTimeout: 30_000,
    // Some clients offer HTTP/2 this way and are content without it.
    shouldUpgradeCallback: (request: IncomingMessage) =>
      upgrade?.wants(request) ?? false,
  };
  // The library puts a leaner Response in place of the global one, which makes
  // answers a third cheaper; it lacks `bytes()`, so that nobody here calls it.
  const server = await new Promise<Server>((resolve, reject) => {
    const created = serveNode({
      fetch: (request, bindings) => {
        const { incoming, outgoing } = bindings;
        const plain = incoming instanceof IncomingMessage &&
          outgoing instanceof ServerResponse;
        return options.fetch(
          plain ? withNodeBody(request, incoming, outgoing) : request,
          new NodeConnection(bindings),
        );
      },
      hostname,
      port,
      serverOptions,
    }, () => resolve(created)) as Server;
    created.once("error", (cause) => reject(listenError(options, cause)));
  });
  server.on("error", (error) => log.error("server error", { error }));
  const inFlight = new InFlight();
  server.prependListener("request", (request, response) => {
    inFlight.add(response);
    // A body that nobody takes would hold up the next request of its connection.
    if (request.method === "GET" || request.method === "HEAD") request.resume();
  });
  server.on("upgrade", (request, socket, head) => {
    if (upgrade?.wants(request)) upgrade.take(request, socket, head);
    else socket.destroy();
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address ? address.port : port,
    stop: async (graceMs) => {
      if (server.listening) server.close();
      server.closeIdleConnections();
      // `close` of Deno's node:http does not wait for requests that are being answered.
      await inFlight.end(graceMs);
      server.closeAllConnections();
    },
  };
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

/** The requests that are being answered. */
class InFlight {
  readonly #responses = new Set<ServerResponse>();
  #ended: (() => void) | undefined;

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

/** Listens on Deno Deploy, which chooses the address itself. */
export function listenOnDeploy(fetch: Handler): Listening {
  const server = Deno.serve((request, { remoteAddr }) =>
    fetch(request, { remoteAddress: remoteAddr.hostname })
  );
  return {
    port: 443,
    stop: () => server.shutdown(),
  };
}

function listenError(options: ListenOptions, cause: Error): AppError {
  const where = `${options.hostname}:${options.port}`;
  const code = "code" in cause ? cause.code : undefined;
  const taken = code === "EADDRINUSE" ||
    cause instanceof Deno.errors.AddrInUse;
  const sentence = taken
    ? `The address ${where} is taken by another program. Stop it, or choose another one with the setting server.addr (ATCR_SERVER_ADDR).`
    : `The program cannot listen on ${where} (${cause.message}). Look at the setting server.addr (ATCR_SERVER_ADDR).`;
  return new AppError("UNAVAILABLE", sentence, { cause });
}
