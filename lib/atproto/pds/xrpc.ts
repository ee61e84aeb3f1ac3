/**
 * One XRPC call to a PDS (atproto specification, "HTTP API").
 *
 * @module
 */

import { z } from "zod";
import { AppError, isAppError } from "../../errors.ts";
import { foreignText } from "../../text.ts";
import { fetchFailure } from "../../net/fetch_failure.ts";
import type { FetchLimits, GuardedFetch } from "../../net/guarded_fetch.ts";
import { readJson } from "../../net/json_body.ts";
import type { WriteBudget } from "./pds.ts";

/** A call. It is a query unless it has a `body`. */
export interface XrpcCall extends FetchLimits {
  /** Origin of the server. */
  origin: string;
  nsid: string;
  params?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Makes the call a procedure; null for one without input. */
  body?: { json: unknown } | { bytes: Uint8Array; mimeType: string } | null;
  /** Sent as Bearer. */
  token?: string;
  signal?: AbortSignal | undefined;
}

/** An error response. Not for users: {@linkcode pdsError} converts it. */
export class XrpcFailure extends Error {
  override readonly name = "XrpcFailure";

  constructor(
    readonly nsid: string,
    readonly status: number,
    /** `error` of the body, or an empty string. */
    readonly error: string,
    readonly reason: string,
    readonly retryAfterSeconds: number | undefined,
  ) {
    super(`${nsid} answered ${status} ${error}: ${reason}`);
  }
}

const errorBody = z.object({
  error: z.string().max(200).transform(foreignText).catch(""),
  message: z.string().transform(foreignText).catch(""),
});

/**
 * Makes the call and returns the successful response. Throws
 * {@linkcode XrpcFailure} for an error response, and what the guarded fetch
 * throws.
 */
export async function xrpc(
  fetch: GuardedFetch,
  call: XrpcCall,
): Promise<Response> {
  const url = new URL(`/xrpc/${call.nsid}`, call.origin);
  for (const [name, value] of Object.entries(call.params ?? {})) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  const headers = new Headers({ accept: "application/json" });
  if (call.token) headers.set("authorization", `Bearer ${call.token}`);
  const init: RequestInit & FetchLimits = {
    headers,
    method: call.body === undefined ? "GET" : "POST",
    signal: call.signal ?? null,
  };
  if (call.body && "json" in call.body) {
    headers.set("content-type", "application/json");
    init.body = JSON.stringify(call.body.json);
  } else if (call.body) {
    headers.set("content-type", call.body.mimeType);
    init.body = new Uint8Array(call.body.bytes);
  } else if (call.body === null) {
    init.body = "";
  }
  for (const limit of ["timeoutMs", "idleTimeoutMs", "maxBytes"] as const) {
    const value = call[limit];
    if (value !== undefined) init[limit] = value;
  }
  const response = await fetch(url, init);
  if (response.ok) return response;
  throw await failureOf(response, call.nsid);
}

/**
 * Makes the call and returns the response as JSON, validated by `schema`.
 * Throws like {@linkcode xrpc}, and AppError `UPSTREAM_FAILED` when the
 * response does not match the schema.
 */
export async function xrpcJson<T>(
  fetch: GuardedFetch,
  call: XrpcCall,
  schema: z.ZodType<T>,
): Promise<T> {
  const { host } = new URL(call.origin);
  const answer = schema.safeParse(
    await readJson(await xrpc(fetch, call), host),
  );
  if (answer.success) return answer.data;
  throw new AppError(
    "UPSTREAM_FAILED",
    `The server ${host} gave an answer to ${call.nsid} that does not fit the method.`,
    { cause: answer.error },
  );
}

/** Names of errors for an access token that has to be refreshed. */
const STALE = new Set(["ExpiredToken", "InvalidToken", "invalid_token"]);

/**
 * Whether the PDS rejects the access token, so that a new one may help. PDSes
 * answer with 400 or 401.
 */
export function isStaleToken(error: unknown): boolean {
  return error instanceof XrpcFailure &&
    (error.status === 401 || error.status === 400) && STALE.has(error.error);
}

/** Whether a record does not exist. */
export function isMissingRecord(error: unknown): boolean {
  return error instanceof XrpcFailure && error.error === "RecordNotFound";
}

/** Whether a PDS, or a proxy before it, does not take so much. */
export function isTooLarge({ status, error, reason }: XrpcFailure): boolean {
  return status === 413 || status === 400 &&
      (/TooLarge$/.test(error) || /\btoo (?:large|big)\b/i.test(reason));
}

/** Converts an error of a call to the PDS at `origin` for the user. */
export function pdsError(error: unknown, origin: string): unknown {
  const { host } = new URL(origin);
  const failure = fetchFailure(error);
  if (
    failure === "connection" || failure === "no-such-host" ||
    isAppError(error, "UPSTREAM_TIMEOUT")
  ) {
    return new AppError(
      "UNAVAILABLE",
      `The PDS at ${host} cannot be reached at the moment. Try again in a while.`,
      { cause: error, detail: { host } },
    );
  }
  if (!(error instanceof XrpcFailure)) return error;
  if (error.status === 429) {
    return new AppError(
      "TOOMANYREQUESTS",
      `The PDS at ${host} takes no more requests ${
        spanOf(error.retryAfterSeconds)
      }.`,
      {
        cause: error,
        ...(error.retryAfterSeconds === undefined
          ? {}
          : { retryAfterSeconds: error.retryAfterSeconds }),
      },
    );
  }
  if (error.status >= 500) {
    return new AppError(
      "UNAVAILABLE",
      `The PDS at ${host} answered ${error.nsid} with status ${error.status}. Try again in a while.`,
      { cause: error, detail: { host } },
    );
  }
  if (error.error === "InvalidSwap") {
    return new AppError(
      "CONFLICT",
      `Another client changed the repo at ${host} at the same moment. Try again.`,
      { cause: error },
    );
  }
  if (isStaleToken(error)) {
    return new AppError(
      "DENIED",
      `The PDS at ${host} does not accept the session here: ${error.reason}. Sign in again with an app password (docker login), or on the web page of this registry.`,
      { cause: error },
    );
  }
  return new AppError(
    "UPSTREAM_FAILED",
    `The PDS at ${host} refused ${error.nsid}: ${error.reason}`,
    { cause: error, detail: { host, error: error.error } },
  );
}

/** For how long requests are refused, and what to do. */
function spanOf(seconds: number | undefined): string {
  if (seconds === undefined) return "for now. Try again later";
  const span = seconds < 100
    ? `${Math.max(seconds, 1)} seconds`
    : `${Math.ceil(seconds / 60)} minutes`;
  return `for the next ${span}. Try again then`;
}

async function failureOf(
  response: Response,
  nsid: string,
): Promise<XrpcFailure> {
  const text = await response.text();
  const body = errorBody.safeParse(parse(text));
  const { error, message } = body.success
    ? body.data
    : { error: "", message: "" };
  return new XrpcFailure(
    nsid,
    response.status,
    error,
    message.slice(0, 300) || `status ${response.status}`,
    retryAfter(response.headers),
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A proxy in front of the PDS may return a page; the status suffices.
    return undefined;
  }
}

function retryAfter(headers: Headers): number | undefined {
  const seconds = Number(headers.get("retry-after") ?? NaN);
  if (Number.isFinite(seconds) && seconds >= 0) return Math.ceil(seconds);
  // The reference PDS sends it in seconds since the Unix epoch, by its own clock.
  const reset = Number(headers.get("ratelimit-reset") ?? NaN);
  const now = Date.parse(headers.get("date") ?? "") / 1000;
  const left = Math.ceil(reset - now);
  return Number.isFinite(left) && left >= 0 ? left : undefined;
}

/**
 * Reads the remaining write quota (headers `RateLimit-…` of the reference PDS);
 * undefined without the headers. `now` is our time in milliseconds since the
 * Unix epoch.
 */
export function writeBudget(
  headers: Headers,
  now: number,
): WriteBudget | undefined {
  const number = (name: string) => Number(headers.get(name) ?? NaN);
  const limit = number("ratelimit-limit");
  const remaining = number("ratelimit-remaining");
  const seconds = retryAfter(headers);
  if (!(limit > 0) || !(remaining >= 0) || seconds === undefined) {
    return undefined;
  }
  return { limit, remaining, resetsAt: now + seconds * 1000 };
}
