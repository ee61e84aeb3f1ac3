/**
 * Who somebody is on the AT Protocol network: handle, DID, PDS and keys.
 *
 * @module
 */

import type { Did } from "../../did.ts";

/** An account as its DID document describes it. */
export interface Identity {
  readonly did: Did;
  /** The handle that resolves back to this DID, lower-cased; undefined when none does. */
  readonly handle: string | undefined;
  /** Origin of the PDS, for example `https://pds.example.com`. */
  readonly pds: string | undefined;
  /** The `#atproto` key as did:key, for verifying commits and service tokens. */
  readonly signingKey: string | undefined;
  /** Other services of the DID document: fragment id (`#atcr_hold`) to origin. */
  readonly services: Readonly<Record<string, string>>;
}

/** Options of {@linkcode IdentityResolver.resolve}; a request can stand for them. */
export interface ResolveOptions {
  /** Do not take an answer that is older than a few seconds. */
  readonly fresh?: boolean;
  /** Ask again where the answer is older than this, in milliseconds; the older one counts while nobody can be asked. */
  readonly maxAgeMs?: number;
  /** How long to wait for a new answer, in milliseconds, where an older one is known; it is answered then. */
  readonly patienceMs?: number;
  /** Ends the wait. Read only when there is something to wait for. */
  readonly signal?: AbortSignal | undefined;
  /** Awaited before the network is asked about somebody of whom nothing is known; what it throws is thrown. */
  readonly beforeAsking?: () => Promise<void>;
}

/** Resolves handles and DIDs, cached in KV; every request goes through the guarded fetch. */
export interface IdentityResolver {
  /**
   * Resolves a handle (any case) or a DID.
   *
   * Throws AppError `NAME_UNKNOWN` when there is no such identity,
   * `NAME_INVALID` when `identifier` is neither a handle nor a DID,
   * `UPSTREAM_FAILED` or `UPSTREAM_TIMEOUT` when nobody could be asked.
   * Stale answers are served while the network fails.
   */
  resolve(identifier: string, options?: ResolveOptions): Promise<Identity>;
  /** Forgets what is cached of a DID and its handle. */
  forget(did: Did): Promise<void>;
}
