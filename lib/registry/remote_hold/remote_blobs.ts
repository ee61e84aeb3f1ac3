/**
 * Reads blobs of a remote hold by `com.atproto.sync.getBlob` with the digest
 * instead of a CID.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import { z } from "zod";
import { AppError } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ByteRange } from "../../storage/blob_store.ts";
import { collect } from "../../storage/stream.ts";
import type { Caller } from "../../hold_api/hold_client.ts";
import type { RemoteCalls } from "./remote_calls.ts";

const locationSchema = z.object({ url: z.string().max(8_192) });

/** Maximum bytes of a JSON response with the URL of a blob. */
const MAX_LOCATION_BYTES = 64 * 1024;

/** Timeout of reading such a response, in milliseconds. */
const LOCATION_TIMEOUT_MS = 10_000;

/** How long the existence of a blob is cached, in milliseconds. */
const SIZE_TTL_MS = 60_000;

/** Statuses that mean that the hold has no such blob for the caller. */
const NOT_SHOWN: ReadonlySet<number> = new Set([400, 401, 403, 404]);

/** Reads blobs of one hold. */
export class RemoteBlobs {
  readonly #calls: RemoteCalls;
  readonly #sizes = new LRUCache<string, number>({
    max: 10_000,
    ttl: SIZE_TTL_MS,
  });

  constructor(calls: RemoteCalls) {
    this.#calls = calls;
  }

  /** See `HoldClient.stat`. */
  async stat(
    caller: Caller,
    digest: Digest,
  ): Promise<{ size: number } | undefined> {
    const key = `${caller ?? ""} ${digest}`;
    const size = this.#sizes.get(key) ??
      await this.currentSize(caller, digest);
    return size === undefined ? undefined : { size };
  }

  /** Queries the hold for the size of a blob, bypassing the cache. */
  async currentSize(
    caller: Caller,
    digest: Digest,
    signal?: AbortSignal,
  ): Promise<number | undefined> {
    const size = await this.#query(caller, digest, signal);
    const key = `${caller ?? ""} ${digest}`;
    if (size === undefined) this.#sizes.delete(key);
    else this.#sizes.set(key, size);
    return size;
  }

  /** See `HoldClient.open`. */
  async open(
    caller: Caller,
    digest: Digest,
    range?: ByteRange,
    signal?: AbortSignal,
  ): Promise<{ size: number; body: ReadableStream<Uint8Array> } | undefined> {
    const headers = new Headers();
    if (range) headers.set("range", `bytes=${range.start}-${range.end}`);
    const found = await this.#find(caller, { cid: digest }, headers, signal);
    if (found === undefined) return undefined;
    const response = typeof found === "string"
      ? await this.#calls.follow(found, headers, signal)
      : found;
    if (response.status === 404) {
      await response.body?.cancel();
      return undefined;
    }
    const size = sizeOf(response);
    // A response without the requested range would be mistaken for the range.
    const complete = range
      ? isRange(response, range) || isEmpty(response)
      : response.status === 200;
    if (complete && response.body && size !== undefined) {
      return { size, body: response.body };
    }
    await response.body?.cancel();
    throw new AppError(
      "UPSTREAM_FAILED",
      `The hold ${this.#calls.did} did not give the blob ${digest} (status ${response.status}).`,
    );
  }

  /** See `HoldClient.locate`. */
  async locate(caller: Caller, digest: Digest): Promise<string | undefined> {
    const parameters = { cid: digest, method: "GET" };
    const found = await this.#find(caller, parameters, new Headers());
    if (found === undefined || typeof found === "string") return found;
    await found.body?.cancel();
    return undefined;
  }

  async #query(
    caller: Caller,
    digest: Digest,
    signal: AbortSignal | undefined,
  ): Promise<number | undefined> {
    const head = await this.#calls.blob(
      "HEAD",
      caller,
      { cid: digest },
      new Headers(),
      signal,
    );
    await head.body?.cancel();
    const size = head.ok ? sizeOf(head) : undefined;
    if (size !== undefined) return size;
    if (NOT_SHOWN.has(head.status)) return undefined;
    // If HEAD returns a redirect or no length, read one byte.
    const first = { start: 0, end: 0 };
    const opened = await this.open(caller, digest, first, signal);
    await opened?.body.cancel();
    return opened?.size;
  }

  /** Locates the blob: a URL, or the response with the blob itself. */
  async #find(
    caller: Caller,
    parameters: { cid: Digest; method?: string },
    headers: Headers,
    signal?: AbortSignal,
  ): Promise<string | Response | undefined> {
    const response = await this.#calls.blob(
      "GET",
      caller,
      parameters,
      new Headers(headers),
      signal,
    );
    if (response.status >= 300 && response.status < 400) {
      await response.body?.cancel();
      const location = response.headers.get("location");
      return location === null ? undefined : this.#calls.target(location);
    }
    if (NOT_SHOWN.has(response.status)) {
      await response.body?.cancel();
      return undefined;
    }
    // Other holds return the URL in JSON, even if not requested.
    const type = response.headers.get("content-type") ?? "";
    if (!response.ok || !type.startsWith("application/json")) return response;
    const location = await this.#locationIn(response);
    return location && this.#calls.target(location);
  }

  /**
   * The URL in a JSON response; undefined when there is none. The response
   * could have been the blob, so the fetch limits neither its size nor its time.
   */
  async #locationIn({ body }: Response): Promise<string | undefined> {
    let bytes: Uint8Array;
    try {
      const late = AbortSignal.timeout(LOCATION_TIMEOUT_MS);
      bytes = await collect(body ?? new Uint8Array(), MAX_LOCATION_BYTES, late);
    } catch (cause) {
      throw new AppError(
        "UPSTREAM_FAILED",
        `The hold ${this.#calls.did} gave an answer that is too large or too slow to be the URL of a blob.`,
        { cause },
      );
    }
    try {
      const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
      return locationSchema.safeParse(value).data?.url;
    } catch {
      return undefined;
    }
  }
}

/** Whether the response is exactly that range. */
function isRange({ status, headers }: Response, range: ByteRange): boolean {
  const bytes = `bytes ${range.start}-${range.end}/`;
  return status === 206 &&
    headers.get("content-range")?.startsWith(bytes) === true;
}

/** Whether a response without the requested range says that the blob is empty. */
function isEmpty({ status, headers }: Response): boolean {
  return status === 416
    ? headers.get("content-range") === "bytes */0"
    : status === 200 && headers.get("content-length") === "0";
}

/** Size of the whole blob from a full or partial response; undefined when unknown. */
function sizeOf(response: Response): number | undefined {
  const range = response.headers.get("content-range");
  const total = range === null
    ? response.headers.get("content-length")
    : range.slice(range.lastIndexOf("/") + 1);
  return total !== null && /^\d{1,15}$/.test(total) ? Number(total) : undefined;
}
