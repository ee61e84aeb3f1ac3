/**
 * KV keys of authentication: devices, codes, web sessions and the tokens of
 * owners' PDSes.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Key, ListSelector } from "../kv/kv.ts";

/** A device or access token. */
export const deviceKey = (id: string): Key => ["auth", "device", id];

/** Index entry of the device `id` of `did`. */
export const deviceOfKey = (did: Did, id: string): Key => [
  "auth",
  "device_of",
  did,
  id,
];

/**
 * When the last device of `did` was created; each creation checks it, so that
 * the count is exact.
 */
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

/** Maps a user code, by its keyed hash, to the hash of the device code. */
export const userCodeKey = (hash: string): Key => ["auth", "user_code", hash];

/** App password logins up to this time (seconds since the Unix epoch) are revoked. */
export const loginsRevokedUntilKey = (did: Did): Key => [
  "auth",
  "logins_revoked_until",
  did,
];

/** Known passwords of a user name; `hash` is the keyed hash of the name. */
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

/** Maps the public id of a web session of `did` to the hash of its cookie. */
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

/** A pending authorization request, encrypted; `hash` is that of its state. */
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
