/**
 * Resolves a DID to its document: `did:plc` at directories, `did:web` at the
 * host itself.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import { type DidClaims, readDidDocument } from "../did_document.ts";
import { readJson } from "../../net/json_body.ts";
import type { GuardedFetch } from "../../net/guarded_fetch.ts";

/** Options of {@linkcode DidResolver}. */
export interface DidResolverOptions {
  fetch: GuardedFetch;
  /** Origins of PLC directories, queried in order until one knows the DID. */
  plcDirectories: readonly string[];
  /** Timeout of a request in milliseconds. */
  timeoutMs: number;
}

const MAX_DOCUMENT_BYTES = 64 * 1024;

/** Fetches DID documents. */
export class DidResolver {
  readonly #options: DidResolverOptions;

  constructor(options: DidResolverOptions) {
    this.#options = options;
  }

  /**
   * Returns the claims of the document of `did`, or undefined when there is
   * none.
   *
   * Throws AppError `UPSTREAM_FAILED` or `UPSTREAM_TIMEOUT` when a directory
   * that may know the DID could not be reached, or the document is not that of
   * `did`.
   */
  async resolve(did: Did): Promise<DidClaims | undefined> {
    const urls = did.startsWith("did:plc:")
      ? this.#options.plcDirectories.map((origin) => new URL(`/${did}`, origin))
      : [webUrl(did)];
    let failure: unknown;
    for (const url of urls) {
      try {
        const claims = await this.#query(did, url);
        if (claims) return claims;
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
    return undefined;
  }

  async #query(did: Did, url: URL): Promise<DidClaims | undefined> {
    const { fetch, timeoutMs } = this.#options;
    const response = await fetch(url, {
      headers: { accept: "application/did+ld+json, application/json" },
      timeoutMs,
      maxBytes: MAX_DOCUMENT_BYTES,
    });
    if (response.status === 404 || response.status === 410) {
      await response.body?.cancel();
      return undefined;
    }
    if (!response.ok) {
      await response.body?.cancel();
      throw new AppError(
        "UPSTREAM_FAILED",
        `The server ${url.host} answered the question for ${did} with status ${response.status}. Try again in a while.`,
      );
    }
    const claims = await readDidDocument(
      did,
      await readJson(response, url.host),
    );
    if (!claims) {
      throw new AppError(
        "UPSTREAM_FAILED",
        `The server ${url.host} did not answer with the DID document of ${did}.`,
      );
    }
    return claims;
  }
}

function webUrl(did: Did): URL {
  const host = decodeURIComponent(did.slice("did:web:".length));
  const scheme = host.split(":")[0] === "localhost" ? "http" : "https";
  return new URL(`${scheme}://${host}/.well-known/did.json`);
}
