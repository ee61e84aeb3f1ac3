/**
 * The only way to fetch a URL that this server does not control: a handle, a
 * DID document or a record can name any host, and must not lead into our own
 * network (SSRF), block us for ever or exhaust memory.
 *
 * @module
 */

import { lookup } from "node:dns/promises";
import { type Clock, systemClock } from "../clock.ts";
import { AppError } from "../errors.ts";
import { refusal } from "./fetch_failure.ts";
import { createHttpTransport, type Transport } from "./http_transport.ts";
import { isIpAddress, isPublicAddress } from "./public_address.ts";
import { Watchdog } from "./watchdog.ts";

/** Bounds of one request; each has a default given at construction. */
export interface FetchLimits {
  /** Milliseconds until the last byte of the response is read; Infinity for no limit. */
  timeoutMs?: number;
  /** Milliseconds without any byte in either direction; Infinity for no limit. */
  idleTimeoutMs?: number;
  /** Maximum size of the response body in bytes; Infinity for no limit. */
  maxBytes?: number;
  /**
   * Bytes of the response body per second, while it is waited for, on average
   * over half a minute of waiting; 0 for no limit.
   */
  minBytesPerSecond?: number;
}

/**
 * `fetch` with a guard. Accepts https URLs on the default port without user
 * info whose host has a public address, or URLs of an allowed origin; connects
 * to the checked addresses only; checks every redirect again (GET and HEAD
 * follow at most five, `redirect: "manual"` none).
 *
 * Throws AppError `UPSTREAM_FAILED` when the URL is refused or the host cannot
 * be reached, `UPSTREAM_TIMEOUT`, or `TOO_LARGE` above `maxBytes`; the response
 * body fails with the last two as well. An abort by the caller rejects with the
 * reason of the signal. Always read the body or cancel it.
 */
export interface GuardedFetch {
  (
    input: string | URL | Request,
    init?: RequestInit & FetchLimits,
  ): Promise<Response>;
  /** Closes idle connections. */
  close(): void;
}

/** Options of {@linkcode createGuardedFetch}. */
export interface GuardedFetchOptions {
  /** Sent as `User-Agent`. */
  userAgent: string;
  /** Origins that are not checked, for example `http://localhost:2583`; exact match. */
  allowedOrigins?: readonly string[];
  /** Default limits: 15 s in total, 10 s idle, 5 MiB, any rate. */
  limits?: FetchLimits;
  clock?: Clock;
  /** Resolves the addresses of a host; the system resolver by default. */
  resolve?: (hostname: string) => Promise<readonly string[]>;
  transport?: Transport;
}

const DEFAULT_LIMITS: Required<FetchLimits> = {
  timeoutMs: 15_000,
  idleTimeoutMs: 10_000,
  maxBytes: 5 * 1024 * 1024,
  minBytesPerSecond: 0,
};

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Headers that must not reach another origin through a redirect. */
const SECRET_HEADERS = [
  "authorization",
  "cookie",
  "dpop",
  "proxy-authorization",
];

/** Creates a {@linkcode GuardedFetch}. */
export function createGuardedFetch(options: GuardedFetchOptions): GuardedFetch {
  const {
    userAgent,
    clock = systemClock,
    resolve = addressesOf,
    transport = createHttpTransport(),
  } = options;
  const allowed = new Set(
    options.allowedOrigins?.map((origin) => new URL(origin).origin),
  );

  const guardedFetch = async (
    input: string | URL | Request,
    init: RequestInit & FetchLimits = {},
  ): Promise<Response> => {
    const limits = limitsOf(DEFAULT_LIMITS, options.limits, init);
    const request = await prepare(input, init, userAgent);
    const watchdog = new Watchdog(clock, limits, request.signal);
    const trusted = allowed.has(request.url.origin);
    let url = request.url;
    try {
      for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
        // A redirect of another server must not lead to an allowed origin.
        const isAllowed = trusted && allowed.has(url.origin);
        const addresses = isAllowed
          ? undefined
          : await watchdog.race(checkedAddresses(url, resolve));
        const headers = new Headers(request.headers);
        if (url.origin !== request.url.origin) {
          for (const name of SECRET_HEADERS) headers.delete(name);
        }
        const response = await watchdog.race(transport.send({
          url,
          method: request.method,
          headers,
          body: watchdog.watchUpload(request.body),
          addresses,
          signal: watchdog.signal,
        }));
        const next = redirectTarget(response, url, request);
        if (!next) return watchdog.watchAnswer(response, url.host);
        await response.body?.cancel();
        url = next;
      }
      throw refusal(url, `redirects more than ${MAX_REDIRECTS} times`);
    } catch (error) {
      const failure = watchdog.failure(error, url.host);
      watchdog.stop();
      throw failure;
    }
  };
  return Object.assign(guardedFetch, { close: () => transport.close() });
}

interface Prepared {
  url: URL;
  method: string;
  headers: Headers;
  body: Uint8Array | ReadableStream<Uint8Array> | undefined;
  redirect: RequestRedirect;
  signal: AbortSignal | undefined;
}

/** Normalises the arguments of `fetch`: method, headers, and a body with its length if known. */
async function prepare(
  input: string | URL | Request,
  init: RequestInit,
  userAgent: string,
): Promise<Prepared> {
  const from = input instanceof Request ? input : undefined;
  const target = input instanceof Request ? input.url : String(input);
  const url = URL.parse(target);
  if (!url) {
    throw new AppError("UPSTREAM_FAILED", `${target} is not a URL.`);
  }
  const headers = new Headers(init.headers ?? from?.headers);
  if (!headers.has("user-agent")) headers.set("user-agent", userAgent);
  headers.set("accept-encoding", "identity");
  const given = init.body ?? undefined;
  let body: Prepared["body"];
  if (given instanceof ReadableStream) {
    body = given;
  } else if (given !== undefined || from?.body) {
    const whole = given === undefined ? from : new Response(given);
    const type = whole?.headers.get("content-type");
    if (type && !headers.has("content-type")) headers.set("content-type", type);
    body = new Uint8Array(await whole?.arrayBuffer() ?? []);
    headers.set("content-length", String(body.byteLength));
  }
  return {
    url,
    method: (init.method ?? from?.method ?? "GET").toUpperCase(),
    headers,
    body,
    redirect: init.redirect ?? from?.redirect ?? "follow",
    signal: init.signal ?? from?.signal,
  };
}

function limitsOf(
  defaults: Required<FetchLimits>,
  ...overrides: (FetchLimits | undefined)[]
): Required<FetchLimits> {
  const limits = { ...defaults };
  for (const given of overrides) {
    limits.timeoutMs = given?.timeoutMs ?? limits.timeoutMs;
    limits.idleTimeoutMs = given?.idleTimeoutMs ?? limits.idleTimeoutMs;
    limits.maxBytes = given?.maxBytes ?? limits.maxBytes;
    limits.minBytesPerSecond = given?.minBytesPerSecond ??
      limits.minBytesPerSecond;
  }
  return limits;
}

/**
 * Returns the public addresses of the host, or refuses. Its other addresses are
 * never connected to.
 */
async function checkedAddresses(
  url: URL,
  resolve: (hostname: string) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  if (url.protocol !== "https:") {
    throw refusal(url, "is not reached over https");
  }
  if (url.username !== "" || url.password !== "") {
    throw refusal(url, "has a user name or password in its URL");
  }
  if (url.port !== "") throw refusal(url, "is not on the usual https port");
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const found = isIpAddress(host) ? [host] : await resolve(host);
  const addresses = found.filter(isPublicAddress);
  if (addresses.length === 0) {
    throw refusal(url, "has no address on the public Internet");
  }
  return addresses;
}

function redirectTarget(
  response: Response,
  from: URL,
  request: Prepared,
): URL | undefined {
  const location = response.headers.get("location");
  if (!REDIRECTS.has(response.status) || location === null) return undefined;
  if (request.redirect === "manual") return undefined;
  const readsOnly = request.method === "GET" || request.method === "HEAD";
  if (request.redirect === "error" || !readsOnly) {
    throw refusal(from, "answers with a redirect where none is allowed");
  }
  const target = URL.parse(location, from);
  if (!target) throw refusal(from, "redirects to something that is no URL");
  return target;
}

/** Resolves a host with the system resolver, IPv4 and IPv6. */
async function addressesOf(hostname: string): Promise<string[]> {
  const found = await lookup(hostname, { all: true, verbatim: true });
  return found.map(({ address }) => address);
}
