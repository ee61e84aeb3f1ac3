/**
 * Revocation of logins. Checked for every request, so results are cached for
 * some seconds; a revocation takes effect everywhere within a minute.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import type { Did } from "../did.ts";
import { type Clock, endsWithin } from "../clock.ts";
import type { Kv } from "../kv/kv.ts";
import type { Credential } from "./credential.ts";
import type { Devices } from "./devices/devices.ts";
import { loginsRevokedUntilKey } from "./kv_keys.ts";
import { REFRESH_TOKEN_DAYS } from "./refresh_tokens.ts";

/** A login as described by a token. */
export interface Login {
  readonly did: Did | undefined;
  readonly credential: Credential | undefined;
  /** Seconds since the Unix epoch, with fractions. */
  readonly loginAt: number;
}

const KNOWN_MS = 15_000;
const REMEMBERED = 10_000;
const DAY_MS = 86_400_000;

export interface RevocationsDeps {
  kv: Kv;
  clock: Clock;
  devices: Devices;
}

/** Checks and records revocations of logins. */
export class Revocations {
  readonly #deps: RevocationsDeps;
  readonly #revoked = new LRUCache<Did, { until: number; knownUntil: number }>({
    max: REMEMBERED,
  });

  constructor(deps: RevocationsDeps) {
    this.#deps = deps;
  }

  /** Whether the login was revoked after it was made. A token without login never is. */
  async isRevoked({ did, credential, loginAt }: Login): Promise<boolean> {
    if (did === undefined) return false;
    if (credential?.kind === "device") {
      return !await this.#deps.devices.isAlive(credential.id);
    }
    return loginAt <= await this.#revokedUntil(did);
  }

  /** Revokes every login that `did` has made with an app password until now. */
  async revokePasswordLogins(did: Did): Promise<void> {
    const { kv, clock } = this.#deps;
    const now = clock.now();
    // No token issued before lives longer.
    const expiresAt = now + (REFRESH_TOKEN_DAYS + 1) * DAY_MS;
    await kv.set(loginsRevokedUntilKey(did), now / 1000, { expiresAt });
    this.#revoked.delete(did);
  }

  /**
   * Time to record for a login made now, in seconds since the Unix epoch: after
   * the last revocation, even if the clock was ahead then and has been set
   * back.
   */
  async issueTime(did: Did | undefined): Promise<number> {
    const now = this.#deps.clock.now() / 1000;
    if (did === undefined) return now;
    const until = await this.#revokedUntil(did);
    return until < now ? now : until + 0.001;
  }

  async #revokedUntil(did: Did): Promise<number> {
    const { kv, clock } = this.#deps;
    const now = clock.now();
    const known = this.#revoked.get(did);
    if (known && endsWithin(known.knownUntil, KNOWN_MS, now)) {
      return known.until;
    }
    const entry = await kv.get<number>(loginsRevokedUntilKey(did));
    const until = entry?.value ?? -Infinity;
    this.#revoked.set(did, { until, knownUntil: now + KNOWN_MS });
    return until;
  }
}
