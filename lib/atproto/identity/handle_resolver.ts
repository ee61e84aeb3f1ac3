/**
 * Resolves a handle to a DID (atproto specification, "Handle", "Resolution"):
 * the TXT record of `_atproto.<handle>`, or the file
 * `/.well-known/atproto-did`.
 *
 * @module
 */

import { resolveTxt } from "node:dns/promises";
import { isValidTld } from "@atproto/syntax";
import { z } from "zod";
import { type Did, parseDid } from "../../did.ts";
import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import { fetchFailure } from "../../net/fetch_failure.ts";
import type { GuardedFetch } from "../../net/guarded_fetch.ts";
import { readJson } from "../../net/json_body.ts";

/** Options of {@linkcode HandleResolver}. */
export interface HandleResolverOptions {
  fetch: GuardedFetch;
  clock: Clock;
  /** Origin of the PDS that resolves `.test` handles; without it they do not resolve. */
  sandboxPds?: string;
  /** Resolves the TXT records of a name; the system resolver by default. */
  resolveTxt?: (name: string) => Promise<string[][]>;
  /** Timeout in milliseconds, for each of DNS and https. */
  timeoutMs: number;
}

/** Result of one resolution method. */
type Resolution =
  | { kind: "found"; did: Did }
  | { kind: "none" }
  | { kind: "failed"; error: unknown };

/** How long to wait for DNS to override a result from https, in milliseconds. */
const DNS_GRACE_MS = 1_000;

const MAX_WELL_KNOWN_BYTES = 2048;

const resolveHandleOutput = z.object({ did: z.string() });

/** Resolves handles without a cache. */
export class HandleResolver {
  readonly #options: HandleResolverOptions;

  constructor(options: HandleResolverOptions) {
    this.#options = options;
  }

  /**
   * Returns the DID of a valid, lower-cased handle, or undefined when it has
   * none. Queries DNS and https concurrently; where they disagree, DNS wins.
   *
   * Throws AppError `UPSTREAM_FAILED` or `UPSTREAM_TIMEOUT` when one of them
   * failed and the other has no result.
   */
  async resolve(handle: string): Promise<Did | undefined> {
    if (handle.endsWith(".test")) return await this.#querySandbox(handle);
    if (!isValidTld(handle)) return undefined;
    const done = new AbortController();
    try {
      const findings = await this.#queryBoth(handle, done.signal);
      for (const finding of findings) {
        if (finding.kind === "found") return finding.did;
      }
      for (const finding of findings) {
        if (finding.kind === "failed") throw finding.error;
      }
      return undefined;
    } finally {
      done.abort();
    }
  }

  /** Queries DNS and https, and returns as soon as the result is determined. */
  async #queryBoth(handle: string, signal: AbortSignal): Promise<Resolution[]> {
    const dns = this.#queryDns(handle, signal);
    const web = this.#queryWeb(handle, signal);
    const inOrder = (async () => {
      const first = await dns;
      return first.kind === "found" ? [first] : [first, await web];
    })();
    const webAlone = (async () => {
      const finding = await web;
      if (finding.kind !== "found") return await inOrder;
      await this.#options.clock.sleep(DNS_GRACE_MS, signal);
      return [finding];
    })();
    return await Promise.race([inOrder, webAlone]);
  }

  async #queryDns(handle: string, signal: AbortSignal): Promise<Resolution> {
    const { clock, timeoutMs } = this.#options;
    const ask = this.#options.resolveTxt ?? resolveTxt;
    try {
      const records = await Promise.race([
        ask(`_atproto.${handle}`),
        clock.sleep(timeoutMs, signal).then(() => undefined),
      ]);
      if (!records) throw new Error(`no answer within ${timeoutMs} ms`);
      const values = records.map((chunks) => chunks.join(""))
        .filter((text) => text.startsWith("did="))
        .map((text) => text.slice("did=".length));
      const [value] = values;
      // Several different DIDs count as none (specification).
      const did = value !== undefined && values.every((v) => v === value)
        ? parseDid(value)
        : undefined;
      return did ? { kind: "found", did } : { kind: "none" };
    } catch (cause) {
      if (isNoRecord(cause)) return { kind: "none" };
      const error = new AppError(
        "UPSTREAM_FAILED",
        `The handle ${handle} could not be looked up in DNS. Try again in a while.`,
        { cause },
      );
      return { kind: "failed", error };
    }
  }

  async #queryWeb(handle: string, signal: AbortSignal): Promise<Resolution> {
    const { fetch, timeoutMs } = this.#options;
    try {
      const response = await fetch(
        `https://${handle}/.well-known/atproto-did`,
        { timeoutMs, maxBytes: MAX_WELL_KNOWN_BYTES, signal },
      );
      const text = await response.text();
      if (response.status >= 500) {
        throw new AppError(
          "UPSTREAM_FAILED",
          `The server ${handle} answered with status ${response.status}. Try again in a while.`,
        );
      }
      const did = response.ok
        ? parseDid(text.split("\n")[0]?.trim() ?? "")
        : undefined;
      return did ? { kind: "found", did } : { kind: "none" };
    } catch (error) {
      const failure = fetchFailure(error);
      return failure === "refused" || failure === "no-such-host"
        ? { kind: "none" }
        : { kind: "failed", error };
    }
  }

  async #querySandbox(handle: string): Promise<Did | undefined> {
    const { fetch, sandboxPds, timeoutMs } = this.#options;
    if (sandboxPds === undefined) return undefined;
    const url = new URL("/xrpc/com.atproto.identity.resolveHandle", sandboxPds);
    url.searchParams.set("handle", handle);
    const response = await fetch(url, { timeoutMs });
    const body = await readJson(response, url.host);
    if (response.status === 400) return undefined;
    const output = resolveHandleOutput.safeParse(body);
    const did = output.success ? parseDid(output.data.did) : undefined;
    if (!response.ok || !did) {
      throw new AppError(
        "UPSTREAM_FAILED",
        `The server ${url.host} could not resolve the handle ${handle}. Try again in a while.`,
      );
    }
    return did;
  }
}

function isNoRecord(error: unknown): boolean {
  return error instanceof Error && "code" in error &&
    (error.code === "ENOTFOUND" || error.code === "ENODATA");
}
