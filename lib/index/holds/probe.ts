/**
 * One look at a hold: does it answer, how fast, and who may read from it.
 *
 * @module
 */

import { z } from "zod";
import type { IdentityResolver } from "../../atproto/identity/identity.ts";
import type { PdsReader, RepoRecord } from "../../atproto/pds/pds.ts";
import type { Clock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import { isAppError } from "../../errors.ts";
import type { GuardedFetch } from "../../net/guarded_fetch.ts";
import { CAPTAIN, SELF } from "./hold_rows.ts";

export interface ProbeDeps {
  readonly clock: Clock;
  readonly identities: IdentityResolver;
  readonly fetch: GuardedFetch;
  readonly pds: Pick<PdsReader, "getRecord">;
}

/** What one look has found. */
export type Probe =
  | {
    readonly reachable: true;
    /** Time until the whole answer was there, in milliseconds. */
    readonly latencyMs: number;
    /** As the hold says; undefined where it says nothing. */
    readonly version: string | undefined;
    /** The captain record; undefined where it could not be read. */
    readonly captain: RepoRecord | undefined;
  }
  | {
    readonly reachable: false;
    /** Why not; a sentence. */
    readonly reason: string;
  };

/** The address of a hold in its DID document may be so old, in milliseconds. */
const ADDRESS_MAX_AGE_MS = 10 * 60_000;

/** Time for the hold to answer, in milliseconds. */
const TIMEOUT_MS = 5_000;
const MAX_BYTES = 16 * 1024;

const healthSchema = z.object({ version: z.string().max(64) });

/**
 * Looks at the hold `did` once. Any answer below 500 counts: older holds do
 * not know the question. Throws only the reason of `signal`.
 */
export async function probeHold(
  { clock, identities, fetch, pds }: ProbeDeps,
  did: Did,
  signal: AbortSignal,
): Promise<Probe> {
  try {
    const { services, pds: home } = await identities.resolve(did, {
      maxAgeMs: ADDRESS_MAX_AGE_MS,
      signal,
    });
    const origin = services["#atcr_hold"] ?? home;
    if (origin === undefined) {
      const reason = `${did} is no hold: its DID document names no service.`;
      return { reachable: false, reason };
    }
    const begun = clock.now();
    const response = await fetch(new URL("/xrpc/_health", origin), {
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_BYTES,
      signal,
    });
    const text = await response.text();
    const latencyMs = Math.max(0, clock.now() - begun);
    if (response.status >= 500) {
      const reason = `The hold answers with status ${response.status}.`;
      return { reachable: false, reason };
    }
    const captain = await pds.getRecord(origin, did, CAPTAIN, SELF, signal)
      .catch((error) => {
        if (isAppError(error)) return undefined;
        throw error;
      });
    const version = response.ok ? versionIn(text) : undefined;
    return { reachable: true, latencyMs, version, captain };
  } catch (error) {
    signal.throwIfAborted();
    if (!isAppError(error)) throw error;
    return { reachable: false, reason: error.message };
  }
}

function versionIn(text: string): string | undefined {
  try {
    return healthSchema.safeParse(JSON.parse(text)).data?.version;
  } catch {
    return undefined; // Some holds answer with a word.
  }
}
