/**
 * Builds the sign-in: tokens, devices and what proves who somebody is.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Identity, IdentityResolver } from "../atproto/identity.ts";
import type { PasswordSessions } from "../atproto/password_session.ts";
import type { SecretBox } from "../atproto/secret_box.ts";
import { CredentialChain } from "../auth/credential_chain.ts";
import { DeviceCodes } from "../auth/device_codes.ts";
import { Devices } from "../auth/devices.ts";
import { RefreshTokens } from "../auth/refresh_tokens.ts";
import { RegistryTokens } from "../auth/registry_tokens.ts";
import { Revocations } from "../auth/revocation.ts";
import { TokenService } from "../auth/token_service.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config/config.ts";
import type { Kv } from "../kv/kv.ts";
import { RateLimiter } from "../kv/rate_limit.ts";
import type { Metrics } from "../metrics.ts";

/** What {@linkcode createAuth} needs. */
export interface AuthContextDeps {
  config: Config;
  kv: Kv;
  clock: Clock;
  metrics: Metrics;
  box: SecretBox;
  identities: IdentityResolver;
  passwords: PasswordSessions;
  /** Called after every login of a client. */
  onLogin: (identity: Identity) => Promise<void>;
}

/** The services of the sign-in. */
export interface AuthContext {
  readonly tokens: RegistryTokens;
  readonly tokenService: TokenService;
  readonly devices: Devices;
  readonly deviceCodes: DeviceCodes;
  readonly revocations: Revocations;
}

/** Joins the services of the sign-in. */
export function createAuth(deps: AuthContextDeps): AuthContext {
  const { config, kv, clock, metrics, box, identities, passwords } = deps;
  const service = new URL(config.server.base_url).host;
  const key = (purpose: string) => Buffer.from(box.mac(purpose), "base64url");
  const limits = new RateLimiter(kv, clock);
  const devices = new Devices(kv, clock);
  const revocations = new Revocations({ kv, clock, devices });
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
  const tokenService = new TokenService({
    tokens,
    refreshTokens,
    metrics,
    resolveOwner: (identifier) => identities.resolve(identifier),
    credentials: new CredentialChain({
      devices,
      refreshTokens,
      revocations,
      identities,
      passwords,
      limits,
    }),
    onLogin: ({ identity }) => deps.onLogin(identity),
  });
  return {
    tokens,
    tokenService,
    devices,
    deviceCodes: new DeviceCodes({ kv, clock, limits, devices }),
    revocations,
  };
}
