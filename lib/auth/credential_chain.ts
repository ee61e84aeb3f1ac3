/**
 * The credentials that a container client may send: a device secret or access
 * token of ours, a refresh token, or an app password of the account's PDS.
 *
 * @module
 */

import type {
  Identity,
  IdentityResolver,
} from "../atproto/identity/identity.ts";
import { AppError, isAppError } from "../errors.ts";
import type { RateLimit, RateLimiter } from "../kv/rate_limit.ts";
import { parseOwner } from "../oci/name.ts";
import type { CredentialVerifier, Principal } from "./credentials.ts";
import { type Device, DEVICE_SECRET_PREFIX, type Devices } from "./devices.ts";
import { isPermitted } from "./permissions.ts";
import type { RefreshTokens } from "./refresh_tokens.ts";
import type { Revocations } from "./revocation.ts";

/** Logs in at a PDS with an app password and keeps the session. */
export interface PasswordLogin {
  /** Throws AppError `UNAUTHORIZED` for a wrong password. */
  login(identity: Identity, password: string): Promise<unknown>;
}

/** What {@linkcode CredentialChain} needs. */
export interface CredentialChainDeps {
  devices: Devices;
  refreshTokens: RefreshTokens;
  revocations: Revocations;
  identities: IdentityResolver;
  passwords: PasswordLogin;
  limits: RateLimiter;
}

/** Wrong credentials for one account from one address. */
const FAILURES_PER_NAME: RateLimit = {
  name: "login_failure",
  limit: 10,
  windowSeconds: 300,
};

/** Wrong credentials from one address, whatever the account. */
const FAILURES_PER_ADDRESS: RateLimit = {
  name: "login_failure_address",
  limit: 60,
  windowSeconds: 600,
};

/** Checks credentials of every kind. */
export class CredentialChain implements CredentialVerifier {
  readonly #deps: CredentialChainDeps;

  constructor(deps: CredentialChainDeps) {
    this.#deps = deps;
  }

  /** @inheritdoc */
  async verify(
    username: string,
    secret: string,
    from = "unknown",
  ): Promise<Principal> {
    const name = identifierOf(username);
    const subject = `${from} ${name.toLowerCase().slice(0, 300)}`;
    await this.#refuseFlood(FAILURES_PER_NAME, subject, 0);
    await this.#refuseFlood(FAILURES_PER_ADDRESS, from, 0);
    try {
      return secret.startsWith(DEVICE_SECRET_PREFIX)
        ? await this.#verifyDevice(name, secret)
        : await this.#verifyPassword(name, secret);
    } catch (error) {
      if (!isAppError(error, "UNAUTHORIZED", "NAME_UNKNOWN", "NAME_INVALID")) {
        throw error;
      }
      await this.#deps.limits.take(FAILURES_PER_NAME, subject);
      await this.#deps.limits.take(FAILURES_PER_ADDRESS, from);
      // Clients take any other status for a registry that is out of order.
      throw new AppError("UNAUTHORIZED", error.message, { cause: error });
    }
  }

  /**
   * The holder of a refresh token. Throws AppError `UNAUTHORIZED` when the
   * token is not ours, has expired or its credential was revoked.
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
    return { identity: await identities.resolve(did), credential };
  }

  async #verifyDevice(username: string, secret: string): Promise<Principal> {
    const { devices, identities } = this.#deps;
    const device = await devices.authenticate(secret);
    if (!device) {
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

  /** A user name that leads to nobody is an old handle; one of somebody else is a mistake. */
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

  async #verifyPassword(
    username: string,
    password: string,
  ): Promise<Principal> {
    const { identities, passwords } = this.#deps;
    const identity = await identities.resolve(username);
    await passwords.login(identity, password);
    return { identity, credential: { kind: "password" } };
  }

  #ofDevice(device: Device, identity: Identity): Principal {
    return {
      identity,
      credential: { kind: "device", id: device.id },
      permits: (action, did, repo) =>
        isPermitted(device.permissions, device.did, action, did, repo),
    };
  }

  async #refuseFlood(
    rule: RateLimit,
    subject: string,
    cost: number,
  ): Promise<void> {
    const decision = await this.#deps.limits.take(rule, subject, cost);
    if (decision.allowed) return;
    throw new AppError(
      "TOOMANYREQUESTS",
      `Too many wrong logins. Wait ${decision.retryAfterSeconds} seconds and try again.`,
      { retryAfterSeconds: decision.retryAfterSeconds },
    );
  }
}

/**
 * The user name as the account is looked up: image names spell DIDs without
 * colons, and people write handles with an at sign in front.
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
