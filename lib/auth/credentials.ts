/**
 * Authentication by the user name and secret that a container client sends.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Identity } from "../atproto/identity/identity.ts";
import type { Credential } from "./credential.ts";
import type { Action } from "./registry_tokens.ts";

/** An authenticated account. */
export interface Principal {
  readonly identity: Identity;
  readonly credential: Credential;
  /** Restrictions of the credential; absent when it allows everything that its owner may do. */
  readonly permits?: (action: Action, did: Did, repo: string) => boolean;
  /** Patterns of the repositories that the credential may pull from, as in `permissions.ts`; absent where `permits` is. */
  readonly pulls?: readonly string[];
}

/** Verifies credentials. */
export interface CredentialVerifier {
  /**
   * `from` is the network address of the client, for limits on guessing. Throws
   * AppError `UNAUTHORIZED` with advice, or `TOOMANYREQUESTS` after too many
   * wrong ones.
   */
  verify(
    username: string,
    secret: string,
    from?: string,
  ): Promise<Principal>;
  /** Returns the holder of a refresh token. Throws AppError `UNAUTHORIZED`. */
  verifyRefreshToken(token: string): Promise<Principal>;
}
