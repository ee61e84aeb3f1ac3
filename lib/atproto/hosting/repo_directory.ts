/**
 * Which repos of the network have records of a collection, by a relay
 * (`com.atproto.sync.listReposByCollection`).
 *
 * @module
 */

import { z } from "zod";
import { type Did, parseDid } from "../../did.ts";
import type { GuardedFetch } from "../../net/guarded_fetch.ts";
import { pdsError, xrpcJson } from "../pds/xrpc.ts";

/** Time for one page, in milliseconds. */
const TIMEOUT_MS = 30_000;
/** Bytes of a page: 2,000 DIDs and some room. */
const MAX_BYTES = 2 << 20;

const output = z.object({
  repos: z.array(z.object({ did: z.string() })),
  cursor: z.string().max(1_000).optional(),
});

/** One page of accounts. */
export interface RepoPage {
  readonly dids: readonly Did[];
  readonly cursor: string | undefined;
}

/** Asks one relay. */
export class RepoDirectory {
  readonly #fetch: GuardedFetch;
  readonly #origin: string;

  /** @param origin of the relay. */
  constructor(fetch: GuardedFetch, origin: string) {
    this.#fetch = fetch;
    this.#origin = origin;
  }

  /**
   * A page of at most `limit` accounts (up to 2,000); those with a DID that is
   * none are left out. Throws AppError when the relay cannot be asked.
   */
  async listRepos(
    collection: string,
    { cursor, limit }: { cursor: string | undefined; limit: number },
  ): Promise<RepoPage> {
    const call = {
      origin: this.#origin,
      nsid: "com.atproto.sync.listReposByCollection",
      params: { collection, cursor, limit },
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_BYTES,
    };
    try {
      const page = await xrpcJson(this.#fetch, call, output);
      const dids = page.repos.slice(0, limit).flatMap(({ did }) =>
        parseDid(did) ?? []
      );
      return { dids: [...new Set(dids)], cursor: page.cursor };
    } catch (error) {
      throw pdsError(error, this.#origin);
    }
  }
}
