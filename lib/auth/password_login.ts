/**
 * Password login at the account's current PDS.
 *
 * @module
 */

import { resolveAgain } from "../atproto/identity/resolve_again.ts";
import type {
  Identity,
  IdentityResolver,
} from "../atproto/identity/identity.ts";
import { isAppError } from "../errors.ts";

/** Logs in at a PDS with an app password and stores the session. */
export interface PasswordLogin {
  /** Throws AppError `UNAUTHORIZED` for a wrong password. */
  login(identity: Identity, password: string): Promise<unknown>;
}

/** The account may have moved; the session for pushes is found with the same age. */
const CURRENT = { maxAgeMs: 60_000, patienceMs: 2_000 } as const;

/** Errors that may be caused by an identity cached before a move. */
const MAY_HAVE_MOVED = [
  "NAME_UNKNOWN",
  "UNAUTHORIZED",
  "UNAVAILABLE",
  "UPSTREAM_FAILED",
  "UPSTREAM_TIMEOUT",
] as const;

/**
 * Logs `username` in. Before a password is refused, the name is resolved again:
 * the account may have moved to another PDS, and the handle may belong to
 * another account. Throws the errors of `passwords` and `identities`.
 */
export async function loginAtCurrentPds(
  { identities, passwords }: {
    identities: Pick<IdentityResolver, "resolve">;
    passwords: PasswordLogin;
  },
  username: string,
  password: string,
): Promise<Identity> {
  let known: Identity | undefined;
  try {
    known = await identities.resolve(username);
    known = await identities.resolve(known.did, CURRENT);
    await passwords.login(known, password);
    return known;
  } catch (error) {
    if (!isAppError(error, ...MAY_HAVE_MOVED)) throw error;
    const now = await resolveAgain(identities, username, known);
    if (!now) throw error;
    await passwords.login(now, password);
    return now;
  }
}
