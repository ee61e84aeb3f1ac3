/**
 * Identities on the AT Protocol network: handle, DID, PDS and keys.
 *
 * @module
 */

import type { Did } from "../../did.ts";

/** An account as described by its DID document. */
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

/** Options of {@linkcode IdentityResolver.resolve}; a `Request` fits too. */
export interface ResolveOptions {
  /** Do not return a result older than a few seconds. */
  readonly fresh?: boolean;
  /**
   * Resolve again when the result is older than this, in milliseconds; the
   * older one is used while the network fails. 0 requires a lookup that began
   * after the call.
   */
  readonly maxAgeMs?: number;
  /** How long to wait for a new result, in milliseconds, before a stale one is returned. */
  readonly patienceMs?: number;
  /** Aborts the wait. Read only when there is something to wait for. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Awaited before the network is queried for an identity that is not cached;
   * its errors are passed on.
   */
  readonly beforeAsking?: () => Promise<void>;
}

/** Resolves handles and DIDs, cached in KV; every request goes through the guarded fetch. */
export interface IdentityResolver {
  /**
   * Resolves a handle (any case) or a DID.
   *
   * Throws AppError `NAME_UNKNOWN` when there is no such identity,
   * `NAME_INVALID` when `identifier` is neither a handle nor a DID,
   * `UPSTREAM_FAILED` or `UPSTREAM_TIMEOUT` when the network could not be
   * reached. Stale results are returned while the network fails.
   */
  resolve(identifier: string, options?: ResolveOptions): Promise<Identity>;
  /** Removes a DID and its handle from the cache. */
  forget(did: Did): Promise<void>;
}
