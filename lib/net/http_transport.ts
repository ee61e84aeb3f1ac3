/**
 * One HTTP/1.1 exchange over a connection to addresses that were checked
 * before. `fetch` resolves names itself, so a host could return one address for
 * the check and another for the connection (DNS rebinding); `node:https`
 * accepts our addresses and still verifies the certificate against the name.
 *
 * @module
 */

import http from "node:http";
import https from "node:https";
import { isIPv6 } from "node:net";
import { AppError } from "../errors.ts";

/** One exchange. Redirects are not followed. */
export interface TransportRequest {
  url: URL;
  method: string;
  headers: Headers;
  /** Bytes with a known length, or a stream that is sent in chunks unless `content-length` is set. */
  body: Uint8Array | ReadableStream<Uint8Array> | undefined;
  /** The only addresses to connect to, best first; undefined: whatever the name resolves to. */
  addresses: readonly string[] | undefined;
  /** Aborts the exchange at any point; pending promises reject with its reason. */
  signal: AbortSignal;
}

/** Sends requests for the guarded fetch. */
export interface Transport {
  /**
   * Resolves with the response head; rejects with the original network error,
   * or with AppError `UPSTREAM_TIMEOUT` when all connections to the host stay in
   * use.
   */
  send(request: TransportRequest): Promise<Response>;
  /** Closes idle connections. */
  close(): void;
}

/** Options of {@linkcode createHttpTransport}. */
export interface HttpTransportOptions {
  /** Certificate authorities in PEM instead of the system's; for tests. */
  ca?: string;
  /** How long a request waits for a connection, in milliseconds; 5 seconds by default. */
  turnMs?: number;
}

/** Connections per host; further requests wait. */
const MAX_SOCKETS_PER_HOST = 32;

/**
 * How long a request waits while all connections to its host are in use, in
 * milliseconds; less than the idle time of requests, whose error says nothing
 * of that.
 */
const TURN_MS = 5_000;

/** Idle connections are closed before the five seconds after which many servers close them. */
const IDLE_SOCKET_MS = 4_000;

/** Responses with these have no body (Fetch standard, "null body status"). */
const NULL_BODY = new Set([101, 204, 205, 304]);

/** Creates a transport over `node:http` and `node:https` with keep-alive. */
export function createHttpTransport(
  options: HttpTransportOptions = {},
): Transport {
  const { turnMs = TURN_MS } = options;
  const pool = {
    keepAlive: true,
    maxSockets: MAX_SOCKETS_PER_HOST,
    timeout: IDLE_SOCKET_MS,
  };
  const plain = new http.Agent(pool);
  const secure = new https.Agent({
    ...pool,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  });
  const overHttps: Opening = {
    open: (settings) => https.request({ ...settings, agent: secure }),
    turnMs,
  };
  const overHttp: Opening = {
    open: (settings) => http.request({ ...settings, agent: plain }),
    turnMs,
  };
  return {
    send: (request) =>
      exchange(
        request,
        request.url.protocol === "https:" ? overHttps : overHttp,
      ),
    close() {
      plain.destroy();
      secure.destroy();
    },
  };
}

/** How requests of one scheme begin. */
interface Opening {
  open(settings: http.RequestOptions): http.ClientRequest;
  readonly turnMs: number;
}

function exchange(
  request: TransportRequest,
  { open, turnMs }: Opening,
): Promise<Response> {
  const { url, method, headers, body, addresses, signal } = request;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const outgoing = open({
      method,
      host: url.hostname.replace(/^\[|\]$/g, ""),
      ...(url.port === "" ? {} : { port: Number(url.port) }),
      path: url.pathname + url.search,
      headers: Object.fromEntries(headers),
      ...(addresses === undefined ? {} : { lookup: pinnedLookup(addresses) }),
    });
    const abort = () => {
      clearTimeout(turn);
      outgoing.destroy();
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    outgoing.on("error", reject);
    const turn = setTimeout(() => {
      reject(busy(url.host, turnMs));
      outgoing.destroy();
    }, turnMs);
    outgoing.once("socket", () => clearTimeout(turn));
    outgoing.on("response", (incoming) => {
      try {
        resolve(toResponse(incoming, method, signal));
      } catch (error) {
        outgoing.destroy();
        reject(error);
      }
    });
    outgoing.on("close", () => {
      clearTimeout(turn);
      signal.removeEventListener("abort", abort);
      reject(new Error("the connection closed before the answer"));
    });
    sendBody(outgoing, body).catch((error) => {
      outgoing.destroy();
      reject(error);
    });
  });
}

function busy(host: string, waitedMs: number): AppError {
  return new AppError(
    "UPSTREAM_TIMEOUT",
    `All ${MAX_SOCKETS_PER_HOST} connections to ${host} were in use for ${
      waitedMs / 1_000
    } seconds. Try again in a while.`,
    { detail: { host } },
  );
}

/** A `lookup` that returns `addresses` for any name. */
function pinnedLookup(addresses: readonly string[]): http.RequestOptions[
  "lookup"
] {
  const found = addresses.map((address) => ({
    address,
    family: isIPv6(address) ? 6 : 4,
  }));
  return (_hostname, options, callback) => {
    const [first] = found;
    if (options.all) callback(null, found);
    else if (first) callback(null, first.address, first.family);
    else callback(new Error("no address to connect to"), "", 0);
  };
}

async function sendBody(
  outgoing: http.ClientRequest,
  body: TransportRequest["body"],
): Promise<void> {
  if (body === undefined || body instanceof Uint8Array) {
    outgoing.end(body);
    return;
  }
  const reader = body.getReader();
  // Cancel the source as soon as the request has ended.
  const cancelSource = () => void reader.cancel().catch(() => {});
  outgoing.once("close", cancelSource);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (outgoing.destroyed) return;
      if (done) break;
      if (!outgoing.write(value)) await drained(outgoing);
    }
    outgoing.end();
  } finally {
    outgoing.off("close", cancelSource);
    if (outgoing.destroyed) cancelSource();
  }
}

/** Resolves when more may be written, or when the request has ended. */
function drained(outgoing: http.ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      outgoing.off("drain", finish);
      outgoing.off("close", finish);
      resolve();
    };
    outgoing.on("drain", finish);
    outgoing.on("close", finish);
  });
}

function toResponse(
  incoming: http.IncomingMessage,
  method: string,
  signal: AbortSignal,
): Response {
  const headers = new Headers();
  for (let i = 0; i + 1 < incoming.rawHeaders.length; i += 2) {
    headers.append(
      incoming.rawHeaders[i] ?? "",
      incoming.rawHeaders[i + 1] ?? "",
    );
  }
  const status = incoming.statusCode ?? 0;
  if (method === "HEAD" || NULL_BODY.has(status)) {
    incoming.resume();
    return new Response(null, { status, headers });
  }
  const chunks = incoming[Symbol.asyncIterator]();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        throw signal.aborted ? signal.reason : error;
      }
    },
    cancel() {
      incoming.destroy();
    },
  }, { highWaterMark: 0 });
  return new Response(body, { status, headers });
}
