/**
 * Builds the services of authentication: tokens, devices and credentials.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Did } from "../did.ts";
import type { GuardedFetch } from "../net/guarded_fetch.ts";
import type {
  Identity,
  IdentityResolver,
} from "../atproto/identity/identity.ts";
import { PasswordSessions } from "../atproto/pds/password_session.ts";
import type { PdsSession } from "../atproto/pds/pds.ts";
import type { SecretBox } from "../crypto/secret_box.ts";
import { AccountSessions } from "../auth/account_sessions.ts";
import { CredentialChain } from "../auth/credential_chain.ts";
import { DeviceCodes } from "../auth/devices/device_codes.ts";
import { Devices } from "../auth/devices/devices.ts";
import { KnownPasswords } from "../auth/known_passwords.ts";
import { ApiLimit } from "../auth/api_limit.ts";
import { LookUpLimit } from "../auth/look_up_limit.ts";
import { OAuth } from "../auth/oauth/oauth.ts";
import { RefreshTokens } from "../auth/refresh_tokens.ts";
import { RegistryTokens } from "../auth/registry_tokens.ts";
import { Revocations } from "../auth/revocation.ts";
import { SignIn } from "../auth/sign_in.ts";
import { TokenService } from "../auth/token_service.ts";
import { WebSessions } from "../auth/web_sessions.ts";
import type { Config } from "../config/config.ts";
import { RateLimiter } from "../kv/rate_limit.ts";
import { type Branding, logoAddress } from "./pictures/branding.ts";
import type { Platform } from "./platform.ts";

export interface AuthContextDeps extends Platform {
  config: Config;
  branding: Branding;
  box: SecretBox;
  fetch: GuardedFetch;
  identities: IdentityResolver;
  /** Origins of the sandbox network, if one runs. */
  plainOrigins: readonly string[];
  /** Called after an account's PDS has accepted a write. */
  onWritten: (did: Did) => Promise<void>;
  /** Called after every login, in a browser or by a client. */
  onLogin: (identity: Identity, session: PdsSession) => Promise<void>;
}

/** The services of authentication. */
export interface AuthContext {
  readonly tokens: RegistryTokens;
  readonly tokenService: TokenService;
  readonly lookUps: LookUpLimit;
  readonly apiLimit: ApiLimit;
  readonly devices: Devices;
  readonly deviceCodes: DeviceCodes;
  readonly revocations: Revocations;
  readonly oauth: OAuth;
  readonly webSessions: WebSessions;
  readonly signIn: SignIn;
  /**
   * Returns the session of an account at the PDS in its DID document, by OAuth
   * or else by app password; undefined when it has to sign in again.
   */
  readonly session: (did: Did) => Promise<PdsSession | undefined>;
  /** Revokes the app password logins of an account. */
  readonly endPasswordLogins: (did: Did) => Promise<void>;
  /** Origins that may be reached without https. */
  readonly plainOrigins: readonly string[];
  /** CSRF token for forms, derived from the session cookie. */
  readonly csrfToken: (cookie: string) => string;
}

/** Wires the services of authentication. */
export function createAuth(deps: AuthContextDeps): AuthContext {
  const { kv, clock, box, identities, plainOrigins } = deps;
  const limits = new RateLimiter(kv, clock);
  const sources = createSessionSources(deps);
  const { oauth, passwords } = sources;
  const sessions = new AccountSessions({
    identities,
    sources: [oauth, passwords],
    onWritten: deps.onWritten,
  });
  const session = (did: Did) => sessions.of(did);
  const onLogin = async (identity: Identity) => {
    const restored = await session(identity.did);
    if (restored) await deps.onLogin(identity, restored);
  };
  const devices = new Devices(kv, clock);
  const webSessions = new WebSessions(kv, clock);
  const revocations = new Revocations({ kv, clock, devices });
  const signIn = new SignIn({
    ...deps,
    oauth,
    webSessions,
    devices,
    limits,
    onSignIn: async (did) => await onLogin(await identities.resolve(did)),
  });
  return {
    ...createTokenService({
      ...deps,
      limits,
      devices,
      revocations,
      passwords,
      onLogin,
    }),
    devices,
    deviceCodes: new DeviceCodes({
      kv,
      clock,
      limits,
      devices,
      hashUserCode: (code) => box.mac("user code", code),
    }),
    revocations,
    oauth,
    webSessions,
    signIn,
    session,
    endPasswordLogins: async (did) => {
      await revocations.revokePasswordLogins(did);
      await passwords.drop(did);
    },
    plainOrigins,
    csrfToken: (cookie) => box.mac("csrf", cookie),
  };
}

/** Creates the sources of sessions at the accounts' PDSes. */
function createSessionSources(
  deps: AuthContextDeps,
): { oauth: OAuth; passwords: PasswordSessions } {
  const { config } = deps;
  return {
    passwords: new PasswordSessions({
      ...deps,
      secrets: deps.box,
      allowAccountPassword: config.registry.allow_account_passwords,
    }),
    oauth: new OAuth({
      ...deps,
      settings: {
        baseUrl: config.server.base_url,
        name: config.server.client_name,
        logo: logoAddress(deps.branding),
        allowTransition: config.oauth.allow_transition_scope,
      },
    }),
  };
}

/** Creates the token service. */
function createTokenService(
  deps: Omit<AuthContextDeps, "onLogin"> & {
    readonly limits: RateLimiter;
    readonly devices: Devices;
    readonly revocations: Revocations;
    readonly passwords: PasswordSessions;
    readonly onLogin: (identity: Identity) => Promise<void>;
  },
): Pick<AuthContext, "tokens" | "tokenService" | "lookUps" | "apiLimit"> {
  const { config, clock, box, identities, limits, revocations } = deps;
  const service = new URL(config.server.base_url).host;
  const key = (purpose: string) => Buffer.from(box.mac(purpose), "base64url");
  const tokens = new RegistryTokens({
    clock,
    key: key("registry tokens"),
    service,
    ttlSeconds: config.registry.token_ttl_seconds,
    isRevoked: (claims) => revocations.isRevoked(claims),
  });
  const refreshTokens = new RefreshTokens({
    clock,
    key: key("refresh tokens"),
    service,
  });
  const lookUps = new LookUpLimit(limits);
  const known = new KnownPasswords({
    ...deps,
    mac: (...parts) => box.mac("known password", ...parts),
  });
  const tokenService = new TokenService({
    ...deps,
    tokens,
    refreshTokens,
    lookUps,
    loginTime: (did) => revocations.issueTime(did),
    resolveOwner: (identifier, options) =>
      identities.resolve(identifier, options),
    credentials: new CredentialChain({ ...deps, refreshTokens, known }),
    onLogin: ({ identity }) => deps.onLogin(identity),
  });
  return { tokens, tokenService, lookUps, apiLimit: new ApiLimit(limits) };
}
