/**
 * KV keys of identities and sessions.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Key } from "../kv/kv.ts";

/** The cached identity of an account. */
export const identityKey = (did: Did): Key => ["identity", did];

/** The DID that a handle resolves to. */
export const handleKey = (handle: string): Key => [
  "identity",
  "handle",
  handle,
];

/** The last account with a handle. */
export const claimedKey = (handle: string): Key => [
  "identity",
  "claimed",
  handle,
];

/** Hosting status of an account. */
export const hostingKey = (did: Did): Key => ["atproto", "hosting", did];

/** Tokens of an account's session, encrypted. */
export const sessionKey = (did: Did): Key => ["atproto", "session", did];

/** Proof that a password was recently verified; `mac` depends on account and password. */
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

/** A service token that has been used. */
export const usedTokenKey = (issuer: Did, jti: string): Key => [
  "atproto",
  "token",
  issuer,
  jti,
];
