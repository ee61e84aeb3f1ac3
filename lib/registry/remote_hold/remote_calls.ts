/**
 * XRPC calls to a remote hold.
 *
 * @module
 */

import { z } from "zod";
import type { Did } from "../../did.ts";
import type { PdsSession } from "../../atproto/pds/pds.ts";
import { AppError, type ErrorCode } from "../../errors.ts";
import { bareEtag } from "../../etag.ts";
import { foreignText } from "../../text.ts";
import { clientTarget, type TargetRules } from "../../net/client_target.ts";
import type { Caller } from "../../hold_api/hold_client.ts";

/** Fetches a URL that comes from a DID document; guarded against private addresses. */
export type HoldFetch = (
  url: string,
  init?: RequestInit & {
    maxBytes?: number;
    timeoutMs?: number;
    idleTimeoutMs?: number;
  },
) => Promise<Response>;

export interface RemoteCallsDeps {
  did: Did;
  /** Origin of the hold, for example `https://hold01.example.com`. */
  origin: string;
  fetch: HoldFetch;
  /** Rules for redirects of our clients. */
  targets: TargetRules;
  /** Session of a caller, for service tokens; undefined when there is none. */
  session: (did: Did) => Promise<PdsSession | undefined>;
}

const errorSchema = z.object({
  error: z.string().max(256).optional(),
  message: z.string().max(2_000).optional(),
});

/** Maximum bytes of a JSON response. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/** Timeout of sending one part, in milliseconds. */
const PART_TIMEOUT_MS = 10 * 60_000;

/**
 * Timeout of a part without a response, in milliseconds: the bytes are given to
 * the connection at once, so a slow line looks like a silent server.
 */
const PART_IDLE_MS = 2 * 60_000;

/** Maximum characters of an ETag; uploads have one for each of 10,000 parts. */
const MAX_ETAG = 256;

/** Blobs have any size, but 1 kB has to come in a second: slow ones hold connections to the host. */
const BLOB_LIMITS = {
  maxBytes: Infinity,
  timeoutMs: Infinity,
  minBytesPerSecond: 1_000,
};

/** Timeout of a call; a hold may read a blob of any size again to verify it. */
const CALL_TIMEOUT_MS = 60 * 60_000;

/** Maps the status of the hold's response to the error for our client. */
const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: "BLOB_UPLOAD_INVALID",
  401: "DENIED",
  403: "DENIED",
  404: "BLOB_UPLOAD_UNKNOWN",
  409: "CONFLICT",
  413: "TOO_LARGE",
  429: "UNAVAILABLE",
  503: "UNAVAILABLE",
  507: "STORAGE_FULL",
};

const BY_NAME: Readonly<Record<string, ErrorCode>> = {
  InvalidDigest: "DIGEST_INVALID",
  InvalidUploadId: "BLOB_UPLOAD_UNKNOWN",
  QuotaExceeded: "QUOTA_EXCEEDED",
};

/** Calls `io.atcr.hold.*` and `com.atproto.*` methods of one hold. */
export class RemoteCalls {
  readonly #deps: RemoteCallsDeps;

  constructor(deps: RemoteCallsDeps) {
    this.#deps = deps;
  }

  get did(): Did {
    return this.#deps.did;
  }

  /**
   * Calls a procedure on behalf of `caller` and validates its output. Throws
   * AppError: the hold's refusal, converted for our clients, `UNAUTHORIZED`
   * without a session, `UPSTREAM_FAILED`, `UPSTREAM_TIMEOUT`.
   */
  async procedure<T extends z.ZodType>(
    caller: Did,
    nsid: string,
    input: unknown,
    output: T,
  ): Promise<z.output<T>> {
    const headers = await this.authorization(caller, nsid);
    headers.set("content-type", "application/json");
    const response = await this.#deps.fetch(this.url(nsid), {
      method: "POST",
      headers,
      body: JSON.stringify(input),
      maxBytes: MAX_ANSWER_BYTES,
      ...(SLOW.has(nsid)
        ? { timeoutMs: CALL_TIMEOUT_MS, idleTimeoutMs: CALL_TIMEOUT_MS }
        : {}),
    });
    if (!response.ok) throw await this.#refusal(response);
    return this.#parse(output, await response.json().catch(() => undefined));
  }

  /** Calls a query, without login or on behalf of `caller`, and validates its output; undefined on 400 and 404. */
  async query<T extends z.ZodType>(
    nsid: string,
    parameters: Record<string, string>,
    output: T,
    caller?: Did,
  ): Promise<z.output<T> | undefined> {
    const headers = caller && await this.authorization(caller, nsid);
    const response = await this.#deps.fetch(this.url(nsid, parameters), {
      maxBytes: MAX_ANSWER_BYTES,
      ...(headers ? { headers } : {}),
    });
    if (response.status === 400 || response.status === 404) {
      await response.body?.cancel();
      return undefined;
    }
    if (!response.ok) throw await this.#refusal(response);
    return this.#parse(output, await response.json().catch(() => undefined));
  }

  /**
   * Sends the bytes of a part to the URL given by the hold, on behalf of
   * `caller` when that is the hold itself. Returns its ETag without quotes.
   * Throws AppError like {@linkcode procedure}; errors of the storage are
   * `UPSTREAM_FAILED`.
   */
  async sendPart(
    caller: Did,
    target: {
      url: string;
      method: string;
      headers: Readonly<Record<string, string>>;
    },
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<string> {
    const headers = partHeaders(target.headers);
    const isHold = target.url === this.url(UPLOAD_PART);
    // Only the hold itself receives the caller's token.
    if (isHold) {
      const proof = await this.authorization(caller, UPLOAD_PART);
      for (const [name, value] of proof) headers.set(name, value);
    }
    const response = await this.#deps.fetch(target.url, {
      method: target.method,
      headers,
      body: bytes,
      maxBytes: MAX_ANSWER_BYTES,
      timeoutMs: PART_TIMEOUT_MS,
      idleTimeoutMs: PART_IDLE_MS,
    });
    if (response.ok) {
      await response.body?.cancel();
      const etag = bareEtag(response.headers.get("etag") ?? "");
      if (etag !== "" && etag.length <= MAX_ETAG) return etag;
    } else if (isHold) throw await this.#refusal(response);
    await response.body?.cancel();
    throw new AppError(
      "UPSTREAM_FAILED",
      `The storage of the hold ${this.did} did not take a part (status ${response.status}).`,
    );
  }

  /** A request for a blob; redirects are not followed. */
  async blob(
    method: "GET" | "HEAD",
    caller: Caller,
    parameters: { cid: string; method?: string },
    headers: Headers,
    signal?: AbortSignal,
  ): Promise<Response> {
    const nsid = "com.atproto.sync.getBlob";
    const token = caller && await this.#token(caller, nsid);
    if (token) headers.set("authorization", `Bearer ${token}`);
    return await this.#deps.fetch(
      this.url(nsid, { did: this.did, ...parameters }),
      {
        method,
        headers,
        redirect: "manual",
        ...BLOB_LIMITS,
        ...(signal ? { signal } : {}),
      },
    );
  }

  /**
   * The redirect target for readers. Throws AppError `UPSTREAM_FAILED` when it
   * must not be followed.
   */
  target(location: string): string {
    const { did, origin, targets } = this.#deps;
    return clientTarget(location, origin, `The hold ${did}`, targets).href;
  }

  /** Follows a redirect of a hold, without credentials. */
  async follow(
    url: string,
    headers: Headers,
    signal?: AbortSignal,
  ): Promise<Response> {
    return await this.#deps.fetch(url, {
      headers,
      ...BLOB_LIMITS,
      ...(signal ? { signal } : {}),
    });
  }

  /** URL of a method. */
  url(nsid: string, parameters: Record<string, string> = {}): string {
    const url = new URL(`/xrpc/${nsid}`, this.#deps.origin);
    for (const [name, value] of Object.entries(parameters)) {
      url.searchParams.set(name, value);
    }
    return url.href;
  }

  /**
   * Headers that authenticate `caller` to the hold. Throws AppError
   * `UNAUTHORIZED` without a session.
   */
  async authorization(caller: Did, nsid: string): Promise<Headers> {
    const token = await this.#token(caller, nsid);
    if (token) return new Headers({ authorization: `Bearer ${token}` });
    throw new AppError(
      "UNAUTHORIZED",
      "The connection to your PDS has ended, or your account has moved to another PDS. Sign in on the web page of this registry once, or run docker login with an app password.",
    );
  }

  async #token(caller: Did, nsid: string): Promise<string | undefined> {
    const session = await this.#deps.session(caller);
    return await session?.serviceToken(this.did, nsid);
  }

  #parse<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw new AppError(
      "UPSTREAM_FAILED",
      `The hold ${this.did} gave an answer that does not follow its lexicon.`,
      { cause: parsed.error },
    );
  }

  async #refusal(response: Response): Promise<AppError> {
    const body = errorSchema.safeParse(
      await response.json().catch(() => undefined),
    );
    const { error, message } = body.success ? body.data : {};
    const code = BY_NAME[error ?? ""] ?? BY_STATUS[response.status] ??
      "UPSTREAM_FAILED";
    return new AppError(
      code,
      `The hold ${this.did} refused: ${
        foreignText(message ?? error ?? String(response.status))
      }`,
    );
  }
}

/** Headers that a hold may set for a part; others, such as `Host`, could change the request's meaning. */
const PART_HEADER =
  /^(?:content-type|content-md5|if-none-match|x-upload-id|x-part-number|x-amz-[a-z0-9-]+|x-goog-[a-z0-9-]+|x-ms-[a-z0-9-]+)$/;

const HEADER_VALUE = /^[\x20-\x7e]*$/;

function partHeaders(given: Readonly<Record<string, string>>): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(given)) {
    const known = PART_HEADER.test(name.toLowerCase());
    if (known && HEADER_VALUE.test(value)) headers.set(name, value);
  }
  return headers;
}

const UPLOAD_PART = "io.atcr.hold.uploadPart";

/** Methods whose work grows with the blob. */
const SLOW: ReadonlySet<string> = new Set(["io.atcr.hold.completeUpload"]);
