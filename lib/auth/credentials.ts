/**
 * Who somebody is by the user name and secret that a container client sends.
 *
 * @module
 */

import type { Did, Identity } from "../atproto/identity.ts";
import type { Action } from "./registry_tokens.ts";

/** Somebody who has proved who they are. */
export interface Principal {
  readonly identity: Identity;
  /** Narrows what the credential allows; absent when it allows all that its owner may do. */
  readonly permits?: (action: Action, did: Did, repo: string) => boolean;
}

/** Checks credentials. */
export interface CredentialVerifier {
  /** Throws AppError `UNAUTHORIZED` with a sentence that says what to do. */
  verify(username: string, secret: string): Promise<Principal>;
}
