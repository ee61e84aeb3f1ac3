/**
 * Sessions opened with an app password: for container clients, which support
 * only a user name and a password.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import type { Kv } from "../../kv/kv.ts";
import { withLease } from "../../kv/lease.ts";
import type { Logger } from "../../log.ts";
import type { GuardedFetch } from "../../net/guarded_fetch.ts";
import type { Identity } from "../identity/identity.ts";
import { expiryOf, scopeOf } from "../../crypto/jwt.ts";
import {
  accountStatus,
  inactive,
  sessionEnded,
  wrongPassword,
} from "./login_errors.ts";
import { PdsPace } from "./pds_pace.ts";
import type { PdsSession } from "./pds.ts";
import {
  type AuthorizedSend,
  type SessionCall,
  XrpcPdsSession,
} from "./pds_session.ts";
import { ServiceTokenCache } from "./service_token_cache.ts";
import type { SecretBox } from "../../crypto/secret_box.ts";
import {
  SessionStore,
  type SessionTokens,
  type StoredTokens,
} from "./session_store.ts";
import { SingleFlight } from "../../async/single_flight.ts";
import { isStaleToken, pdsError, xrpc, XrpcFailure, xrpcJson } from "./xrpc.ts";
import { createSession, endSession, sessionSchema } from "./create_session.ts";

/**
 * Scope of a session opened with the account password instead of an app
 * password. A PDS without app passwords may return no scope.
 */
const FULL_ACCESS = "com.atproto.access";

export interface PasswordSessionsDeps {
  kv: Kv;
  clock: Clock;
  log: Logger;
  fetch: GuardedFetch;
  secrets: SecretBox;
  /** Whether the account password is accepted as well; false by default. */
  allowAccountPassword?: boolean;
  /**
   * How long a verified password is not sent to the PDS again, in milliseconds;
   * ten minutes by default.
   */
  passwordTtlMs?: number;
}

const PASSWORD_TTL_MS = 10 * 60_000;

/** An access token that expires within this time is refreshed first, in milliseconds. */
const REFRESH_AHEAD_MS = 60_000;

/** Time limit of a refresh, network included, in milliseconds. */
const REFRESH_LEASE_MS = 30_000;

/** Longer passwords are not sent (limit of the reference PDS). */
const MAX_PASSWORD = 512;

/** Signs accounts in with app passwords and keeps their sessions for later requests. */
export class PasswordSessions {
  readonly #deps: PasswordSessionsDeps;
  readonly #store: SessionStore;
  readonly #flights = new SingleFlight();
  readonly #serviceTokens = new ServiceTokenCache();
  readonly #pace: PdsPace;

  constructor(deps: PasswordSessionsDeps) {
    this.#deps = deps;
    this.#pace = new PdsPace(deps.clock);
    this.#store = new SessionStore(deps.kv, deps.clock, deps.secrets);
  }

  /**
   * Opens a session of `identity`. Sends the password to the PDS at most once
   * per `passwordTtlMs`, because it allows few logins (30 in five minutes).
   * Throws AppError `UNAUTHORIZED` with advice when the PDS rejects the
   * password, when it is the account password and not an app password, or when
   * the account is inactive; `TOOMANYREQUESTS`, and `UNAVAILABLE` when the PDS
   * cannot be reached.
   */
  async login(
    identity: Identity,
    password: string,
    signal?: AbortSignal,
  ): Promise<PdsSession> {
    const { did, pds } = identity;
    const name = identity.handle ?? did;
    if (pds === undefined) {
      throw new AppError(
        "UNAUTHORIZED",
        `The account ${name} has no PDS that could check its password.`,
      );
    }
    if (password === "" || password.length > MAX_PASSWORD) {
      throw wrongPassword(name);
    }
    const mac = this.#store.passwordMac(did, password);
    return await this.#flights.run(`login ${did} ${mac}`, signal, async () => {
      const stored = await this.#store.readVerified(did, mac);
      const session = stored && await this.#usable(did, stored);
      if (session?.pds === pds) return session;
      const tokens = await createSession(
        {
          ...this.#deps,
          pace: this.#pace,
          goesTooFar: (accessJwt) => this.#goesTooFar(accessJwt),
        },
        { did, name, pds },
        password,
      );
      const { passwordTtlMs = PASSWORD_TTL_MS } = this.#deps;
      await this.#store.begin(did, tokens, mac, passwordTtlMs);
      return this.#sessionOf(did, tokens);
    });
  }

  /** Returns the session of an earlier login, or undefined when there is none (any more). */
  async restore(did: Did): Promise<PdsSession | undefined> {
    const stored = await this.#store.read(did);
    return stored && await this.#usable(did, stored);
  }

  /** The session of `stored`, unless its password is not accepted any more. */
  async #usable(
    did: Did,
    { tokens }: StoredTokens,
  ): Promise<PdsSession | undefined> {
    if (!this.#goesTooFar(tokens.accessJwt)) {
      return this.#sessionOf(did, tokens);
    }
    // It was opened while such passwords were accepted.
    await this.#store.drop(did);
    await endSession(this.#deps, tokens.pds, tokens.refreshJwt);
    return undefined;
  }

  /** Whether a session was opened with the account password, which is not accepted. */
  #goesTooFar(accessJwt: string): boolean {
    return !this.#deps.allowAccountPassword &&
      scopeOf(accessJwt) === FULL_ACCESS;
  }

  /** Deletes the session and the passwords of an account. The PDS is not notified. */
  async drop(did: Did): Promise<void> {
    await this.#store.drop(did);
  }

  #sessionOf(did: Did, tokens: SessionTokens): PdsSession {
    const { clock } = this.#deps;
    return new XrpcPdsSession({
      did,
      pds: tokens.pds,
      send: this.#sender(did, tokens),
      clock,
      serviceTokens: this.#serviceTokens,
      pace: this.#pace,
    });
  }

  /** Sends with the access token, refreshed when it has expired or is about to expire. */
  #sender(did: Did, first: SessionTokens): AuthorizedSend {
    const { fetch, clock } = this.#deps;
    let tokens = first;
    const send = (call: SessionCall) =>
      xrpc(fetch, { ...call, origin: tokens.pds, token: tokens.accessJwt });
    return async (call) => {
      const expiry = expiryOf(tokens.accessJwt) ?? Infinity;
      if (expiry - clock.now() < REFRESH_AHEAD_MS) {
        tokens = await this.#refresh(did, tokens, call.signal);
        return await send(call);
      }
      try {
        return await send(call);
      } catch (error) {
        if (!needsRefresh(error)) throw error;
        tokens = await this.#refresh(did, tokens, call.signal);
        return await send(call);
      }
    };
  }

  /**
   * Returns tokens newer than `stale`. A refresh token is valid once, so only
   * the holder of the lease refreshes, and the others use the stored result.
   */
  #refresh(
    did: Did,
    stale: SessionTokens,
    signal: AbortSignal | undefined,
  ): Promise<SessionTokens> {
    const { kv, clock } = this.#deps;
    const lease = { ttlMs: REFRESH_LEASE_MS, waitMs: REFRESH_LEASE_MS };
    return this.#flights.run(
      `refresh ${did} ${stale.accessJwt} ${stale.refreshJwt}`,
      signal,
      () =>
        withLease(kv, clock, `pds-session ${did}`, lease, async () => {
          const stored = await this.#store.read(did);
          if (!stored) throw sessionEnded(did);
          return isSame(stored.tokens, stale)
            ? await this.#renew(did, stored)
            : stored.tokens;
        }),
    );
  }

  async #renew(did: Did, stored: StoredTokens): Promise<SessionTokens> {
    const { fetch, log } = this.#deps;
    const { pds, refreshJwt } = stored.tokens;
    const call = {
      origin: pds,
      nsid: "com.atproto.server.refreshSession",
      body: null,
      token: refreshJwt,
    };
    try {
      const session = await xrpcJson(fetch, call, sessionSchema);
      const { accessJwt } = session;
      const tokens = { pds, accessJwt, refreshJwt: session.refreshJwt };
      if (await this.#store.replace(did, stored, tokens)) return tokens;
      // A new login happened meanwhile: use its session.
      const newer = await this.#store.read(did);
      if (!newer) throw sessionEnded(did);
      return newer.tokens;
    } catch (error) {
      if (!isRefused(error)) throw pdsError(error, pds);
      log.info("session ended by its pds", { did, pds, error: error.error });
      await this.#store.drop(did);
      const status = accountStatus(error);
      throw status === undefined
        ? sessionEnded(did, error)
        : inactive(did, new URL(pds).host, status, error);
    }
  }
}

/** Whether the tokens were not refreshed; a PDS may keep one token when it replaces the other. */
function isSame(one: SessionTokens, two: SessionTokens): boolean {
  return one.accessJwt === two.accessJwt && one.refreshJwt === two.refreshJwt;
}

/** Whether the PDS rejects the access token, with or without a reason. */
function needsRefresh(error: unknown): boolean {
  return isStaleToken(error) ||
    error instanceof XrpcFailure && error.status === 401 &&
      accountStatus(error) === undefined;
}

/** Whether the PDS rejects the refresh token permanently. */
function isRefused(error: unknown): error is XrpcFailure {
  return error instanceof XrpcFailure &&
    (error.status === 401 || isStaleToken(error) ||
      accountStatus(error) !== undefined);
}
