/**
 * Keys of what is kept about other people's identities and sessions.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Key } from "../kv/kv.ts";

/** What is known of an account. */
export const identityKey = (did: Did): Key => ["identity", did];

/** Which DID a handle leads to. */
export const handleKey = (handle: string): Key => [
  "identity",
  "handle",
  handle,
];

/** The account that went by a handle last. */
export const claimedKey = (handle: string): Key => [
  "identity",
  "claimed",
  handle,
];

/** Whether an account is shown. */
export const hostingKey = (did: Did): Key => ["atproto", "hosting", did];

/** Tokens of an account's session, encrypted. */
export const sessionKey = (did: Did): Key => ["atproto", "session", did];

/** Proof that a password was right a moment ago; `mac` depends on account and password. */
export const verifiedPasswordKey = (did: Did, mac: string): Key => [
  "atproto",
  "password",
  did,
  mac,
];

/** All verified passwords of an account. */
export const verifiedPasswordsKey = (did: Did): Key => [
  "atproto",
  "password",
  did,
];

/** A service token that was used once. */
export const usedTokenKey = (issuer: Did, jti: string): Key => [
  "atproto",
  "token",
  issuer,
  jti,
];
