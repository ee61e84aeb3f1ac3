/**
 * Keys of what the sign-in keeps: devices, codes, web sessions and the tokens
 * of the owners' PDSes.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Key, ListSelector } from "../kv/kv.ts";

/** A device or access token. */
export const deviceKey = (id: string): Key => ["auth", "device", id];

/** Says that the device `id` belongs to `did`. */
export const deviceOfKey = (did: Did, id: string): Key => [
  "auth",
  "device_of",
  did,
  id,
];

/** When the last device of `did` was made; each new one builds on it, so that they can be counted. */
export const deviceTurnKey = (did: Did): Key => ["auth", "device_turn", did];

/** All devices of `did`. */
export const devicesOf = (did: Did): ListSelector => ({
  prefix: ["auth", "device_of", did],
});

/** A device authorization; `hash` is that of its device code. */
export const deviceCodeKey = (hash: string): Key => [
  "auth",
  "device_code",
  hash,
];

/** Leads from a user code, by its keyed hash, to the hash of the device code. */
export const userCodeKey = (hash: string): Key => ["auth", "user_code", hash];

/** Logins with an app password up to this time (seconds since the Unix epoch) count no more. */
export const loginsRevokedUntilKey = (did: Did): Key => [
  "auth",
  "logins_revoked_until",
  did,
];

/** Passwords of a user name that were right before; `hash` is the keyed one of the name. */
export const knownPasswordsKey = (hash: string): Key => [
  "auth",
  "known_passwords",
  hash,
];

/** A web session; `hash` is that of its cookie. */
export const webSessionKey = (hash: string): Key => [
  "auth",
  "web_session",
  hash,
];

/** Leads from the public id of a web session of `did` to the hash of its cookie. */
export const webSessionOfKey = (did: Did, id: string): Key => [
  "auth",
  "web_session_of",
  did,
  id,
];

/** All web sessions of `did`. */
export const webSessionsOf = (did: Did): ListSelector => ({
  prefix: ["auth", "web_session_of", did],
});

/** An authorization request on its way through the browser, encrypted; `hash` is that of its state. */
export const oauthStateKey = (hash: string): Key => [
  "auth",
  "oauth_state",
  hash,
];

/** Tokens of an account's OAuth session, encrypted. */
export const oauthSessionKey = (did: Did): Key => [
  "auth",
  "oauth_session",
  did,
];

/** Keys of the confidential client, encrypted. */
export const clientKeysKey: Key = ["auth", "oauth_client_keys"];
