/**
 * Looks up holds by DID: this server's own in the process, any other by its DID
 * document.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import type { Did } from "../did.ts";
import type { IdentityResolver } from "../atproto/identity/identity.ts";
import { AppError, isAppError } from "../errors.ts";
import type { HoldClient, HoldDirectory } from "../hold_api/hold_client.ts";

export interface HoldsDeps {
  /** This server's own hold; undefined if none runs here. */
  own: HoldClient | undefined;
  identities: IdentityResolver;
  /** Creates the client of a hold at `origin`. */
  remote: (did: Did, origin: string) => HoldClient;
}

/** How long the address of a hold is cached, in milliseconds. */
const ADDRESS_TTL_MS = 10 * 60_000;

/** {@linkcode HoldDirectory} by DID documents. */
export class Holds implements HoldDirectory {
  readonly #deps: HoldsDeps;
  readonly #remote = new LRUCache<Did, HoldClient>({
    max: 1_000,
    ttl: ADDRESS_TTL_MS,
  });

  constructor(deps: HoldsDeps) {
    this.#deps = deps;
  }

  async get(did: Did): Promise<HoldClient> {
    const { own, identities, remote } = this.#deps;
    if (own?.did === did) return own;
    const known = this.#remote.get(did);
    if (known) return known;
    const identity = await identities.resolve(did, {
      maxAgeMs: ADDRESS_TTL_MS,
    }).catch((cause) => {
      if (!isAppError(cause, "NAME_UNKNOWN", "NAME_INVALID")) throw cause;
      const sentence = `There is no hold ${did}; choose another one.`;
      throw new AppError("UNAVAILABLE", sentence, { cause });
    });
    // Old holds have no hold service entry and are found by their PDS entry.
    const origin = identity.services["#atcr_hold"] ?? identity.pds;
    if (origin === undefined) {
      throw new AppError(
        "UNAVAILABLE",
        `${did} is not a hold: its DID document names no hold service.`,
      );
    }
    const client = remote(did, origin);
    this.#remote.set(did, client);
    return client;
  }
}
