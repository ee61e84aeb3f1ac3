/**
 * Looks up holds by DID: this server's own in the process, any other by its DID
 * document.
 * Also checks whether a caller may read from or push to a hold. The hold
 * decides; see `lib/auth/policy.ts` for everything else.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import type { Did } from "../did.ts";
import type { IdentityResolver } from "../atproto/identity/identity.ts";
import { AppError, isAppError } from "../errors.ts";
import type {
  Caller,
  HoldClient,
  HoldDirectory,
} from "../hold_api/hold_client.ts";

export interface HoldsDeps {
  /** This server's own hold; undefined if none runs here. */
  own: HoldClient | undefined;
  identities: IdentityResolver;
  /** Creates the client of a hold at `origin`. */
  remote: (did: Did, origin: string) => HoldClient;
}

/** How long the address of a hold is cached, in milliseconds. */
const ADDRESS_TTL_MS = 10 * 60_000;

/** How long a host that does not respond delays the use of a hold's former address, in milliseconds. */
const PATIENCE_MS = 2_000;

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
    const origin = await originOfHold(identities, did);
    const client = remote(did, origin);
    this.#remote.set(did, client);
    return client;
  }
}

/** Where the hold `did` is reached. Throws AppError `UNAVAILABLE` when the DID leads to no hold. */
export async function originOfHold(
  identities: Pick<IdentityResolver, "resolve">,
  did: Did,
): Promise<string> {
  const identity = await identities.resolve(did, {
    maxAgeMs: ADDRESS_TTL_MS,
    patienceMs: PATIENCE_MS,
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
  return origin;
}

/** Throws the error of {@linkcode unreadable} unless `caller` may read from `hold`. */
export async function requireRead(
  hold: HoldClient,
  caller: Caller,
): Promise<void> {
  if (!(await hold.mayRead(caller)).allowed) throw unreadable(caller);
}

/**
 * The error for a repository that `caller` may not read: AppError `DENIED`, or
 * `UNAUTHORIZED` when a login could help. The message is the same for all
 * holds: naming the hold would reveal which repositories of an owner with
 * several private holds exist.
 */
export function unreadable(caller: Caller): AppError {
  if (caller === undefined) {
    return new AppError(
      "UNAUTHORIZED",
      "This repository is private or does not exist; sign in as a member of the crew of its hold to read.",
    );
  }
  return new AppError(
    "DENIED",
    `${caller} is not crew of the hold of this repository, or may not read there, or the repository does not exist. Ask its owner which hold it is, and the captain of that hold for blob:read.`,
  );
}

/** Throws AppError `DENIED` with the hold's reason when `caller` may not push there. */
export async function requireWrite(
  hold: HoldClient,
  caller: Did,
): Promise<void> {
  const decision = await hold.mayWrite(caller);
  if (!decision.allowed) throw new AppError("DENIED", decision.reason);
}
