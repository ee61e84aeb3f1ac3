/**
 * Verifies the credentials of container clients: device secrets and access
 * tokens of this registry, refresh tokens, and app passwords of the account's
 * PDS.
 *
 * @module
 */

import { subjectOf } from "../net/client_subject.ts";
import type {
  Identity,
  IdentityResolver,
} from "../atproto/identity/identity.ts";
import { SingleFlight } from "../async/single_flight.ts";
import { AppError, isAppError } from "../errors.ts";
import { type RateLimit, type RateLimiter } from "../kv/rate_limit.ts";
import { parseOwner } from "../oci/name.ts";
import type { CredentialVerifier, Principal } from "./credentials.ts";
import {
  type Device,
  DEVICE_SECRET_PREFIX,
  type Devices,
} from "./devices/devices.ts";
import { type Counted, countGuess, limitGuess } from "./guess_limit.ts";
import type { KnownPasswords } from "./known_passwords.ts";
import { loginAtCurrentPds, type PasswordLogin } from "./password_login.ts";
import { isPermitted } from "./permissions.ts";
import type { RefreshTokens } from "./refresh_tokens.ts";
import type { Revocations } from "./revocation.ts";

export interface CredentialChainDeps {
  devices: Devices;
  refreshTokens: RefreshTokens;
  revocations: Revocations;
  identities: IdentityResolver;
  passwords: PasswordLogin;
  /** Passwords that were verified before. */
  known: KnownPasswords;
  limits: RateLimiter;
}

/** Age at which the PDS of a refresh token's holder is looked up again, in milliseconds. */
const MAX_AGE_MS = 60_000;

/** How long a slow directory may delay a refresh, in milliseconds. */
const PATIENCE_MS = 2_000;

/** Failed logins to one account from one address. */
const FAILURES_PER_NAME: RateLimit = {
  name: "login_failure",
  limit: 10,
  windowSeconds: 300,
};

/** Failed logins to one account, under all of its names. */
const FAILURES_PER_ACCOUNT: RateLimit = {
  ...FAILURES_PER_NAME,
  name: "login_failure_account",
};

/** Failed logins from one address, to any account. */
const FAILURES_PER_ADDRESS: RateLimit = {
  name: "login_failure_address",
  limit: 60,
  windowSeconds: 600,
};

/** Errors of a refused login, as opposed to one that could not be verified. */
const REFUSALS = ["UNAUTHORIZED", "NAME_UNKNOWN", "NAME_INVALID"] as const;

/** Origin of a login, for rate limits. */
interface Source {
  /** Network address. */
  readonly from: string;
  /** The normalised user name, for counting and caching. */
  readonly key: string;
  readonly counted: readonly Counted[];
}

/** Verifies credentials of every kind. */
export class CredentialChain implements CredentialVerifier {
  readonly #deps: CredentialChainDeps;
  readonly #logins = new SingleFlight();

  constructor(deps: CredentialChainDeps) {
    this.#deps = deps;
  }

  async verify(
    username: string,
    secret: string,
    from = "unknown",
  ): Promise<Principal> {
    const name = identifierOf(username);
    const key = name.toLowerCase().slice(0, 300);
    const counted: Counted[] = [
      { rule: FAILURES_PER_NAME, subject: `${subjectOf(from)} ${key}` },
      { rule: FAILURES_PER_ADDRESS, subject: from },
    ];
    try {
      return secret.startsWith(DEVICE_SECRET_PREFIX)
        ? await this.#verifyDevice(name, secret, counted)
        : await this.#verifyPassword(name, secret, { key, from, counted });
    } catch (error) {
      if (!isAppError(error, ...REFUSALS)) throw error;
      // Clients treat any other status as a broken registry.
      throw new AppError("UNAUTHORIZED", error.message, { cause: error });
    }
  }

  /**
   * Returns the holder of a refresh token. Throws AppError `UNAUTHORIZED` when
   * the token is not ours, has expired or its credential was revoked.
   */
  async verifyRefreshToken(token: string): Promise<Principal> {
    const { refreshTokens, revocations, devices, identities } = this.#deps;
    const claims = await refreshTokens.read(token);
    const { did, credential } = claims;
    if (credential.kind === "device") {
      const device = await devices.use(credential.id);
      if (device?.did !== did) throw revoked();
      return this.#ofDevice(device, await identities.resolve(did));
    }
    if (await revocations.isRevoked(claims)) throw revoked();
    const identity = await identities.resolve(did, {
      maxAgeMs: MAX_AGE_MS,
      patienceMs: PATIENCE_MS,
    });
    // The password belongs to the PDS that verified it.
    if (claims.pds !== undefined && claims.pds !== identity.pds) {
      throw new AppError(
        "UNAUTHORIZED",
        "Your account has moved to another PDS since this login. Run docker login again with an app password of the new PDS.",
      );
    }
    return { identity, credential };
  }

  /**
   * A device secret cannot be guessed, so a valid one is never refused because
   * of its address; only invalid ones count.
   */
  async #verifyDevice(
    username: string,
    secret: string,
    counted: readonly Counted[],
  ): Promise<Principal> {
    const { devices, identities, limits } = this.#deps;
    const device = await devices.authenticate(secret);
    if (!device) {
      await countGuess(limits, counted);
      throw new AppError(
        "UNAUTHORIZED",
        "This device secret or access token is wrong, has expired or was revoked. Make a new one in the settings, or run docker-credential-atcr login.",
      );
    }
    const identity = await identities.resolve(device.did);
    const name = username.toLowerCase();
    if (name !== identity.handle && name !== device.did) {
      await this.#requireSame(username, device);
    }
    return this.#ofDevice(device, identity);
  }

  /**
   * A user name that does not resolve may be a former handle; one of another
   * account is an error.
   */
  async #requireSame(username: string, device: Device): Promise<void> {
    let did: string | undefined;
    try {
      did = (await this.#deps.identities.resolve(username)).did;
    } catch (error) {
      if (isAppError(error, "NAME_UNKNOWN", "NAME_INVALID")) return;
      throw error;
    }
    if (did === device.did) return;
    throw new AppError(
      "UNAUTHORIZED",
      "The device secret belongs to another account than the user name.",
    );
  }

  /** Concurrent identical logins are one request to the PDS, but each refused one counts. */
  async #verifyPassword(
    username: string,
    password: string,
    source: Source,
  ): Promise<Principal> {
    const { known, limits } = this.#deps;
    const { from, key, counted } = source;
    let leads = false;
    try {
      return await this.#logins.run(
        `${from} ${known.macOf(key, password)}`,
        undefined,
        () => {
          leads = true;
          return this.#login(username, password, source);
        },
      );
    } catch (error) {
      if (!leads && !isAppError(error, "TOOMANYREQUESTS")) {
        await countGuess(limits, counted);
      }
      throw error;
    }
  }

  /**
   * A password that was verified before is not a guess; any other is counted
   * until the PDS has accepted it.
   */
  async #login(
    username: string,
    password: string,
    { from, key, counted }: Source,
  ): Promise<Principal> {
    const { passwords, known, limits } = this.#deps;
    const found = await known.find(key, password);
    if (!found.isKnown) {
      const principal = await limitGuess(
        limits,
        counted,
        () =>
          this.#loginAtPds(username, password, {
            login: (identity, guess) =>
              limitGuess(
                limits,
                [{
                  rule: FAILURES_PER_ACCOUNT,
                  subject: `${subjectOf(from)} ${identity.did}`,
                }],
                () => passwords.login(identity, guess),
              ),
          }),
      );
      await found.remember();
      return principal;
    }
    try {
      const principal = await this.#loginAtPds(username, password, passwords);
      await found.remember();
      return principal;
    } catch (error) {
      if (isAppError(error, ...REFUSALS)) {
        await found.forget();
        await countGuess(limits, counted);
      }
      throw error;
    }
  }

  async #loginAtPds(
    username: string,
    password: string,
    passwords: PasswordLogin,
  ): Promise<Principal> {
    const { identities } = this.#deps;
    const identity = await loginAtCurrentPds(
      { identities, passwords },
      username,
      password,
    );
    return { identity, credential: { kind: "password" } };
  }

  #ofDevice(device: Device, identity: Identity): Principal {
    return {
      identity,
      credential: { kind: "device", id: device.id },
      permits: (action, did, repo) =>
        isPermitted(device.permissions, device.did, action, did, repo),
      pulls: device.permissions.flatMap(({ pattern, actions }) =>
        actions.includes("pull") ? [pattern] : []
      ),
    };
  }
}

/**
 * Normalises the user name for the lookup: image names spell DIDs without
 * colons, and users may type handles with a leading at sign.
 */
function identifierOf(username: string): string {
  const name = username.replace(/^@/, "");
  try {
    return parseOwner(name).value;
  } catch (error) {
    if (!isAppError(error, "NAME_INVALID")) throw error;
    return name;
  }
}

function revoked(): AppError {
  return new AppError(
    "UNAUTHORIZED",
    "The login was revoked. Run docker login again.",
  );
}
