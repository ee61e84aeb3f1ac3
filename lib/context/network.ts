/**
 * Access to other servers of the network.
 *
 * @module
 */

import { DidResolver } from "../atproto/identity/did_resolver.ts";
import { HandleResolver } from "../atproto/identity/handle_resolver.ts";
import type { IdentityResolver } from "../atproto/identity/identity.ts";
import { CachedIdentityResolver } from "../atproto/identity/identity_resolver.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config/config.ts";
import type { Kv } from "../kv/kv.ts";
import type { Logger } from "../log.ts";
import type { GuardedFetch } from "../net/guarded_fetch.ts";

/** The sandbox network, if one runs. */
export interface SandboxNetwork {
  readonly pds: string;
  readonly plc: string;
  /** Where events are streamed and repos are found; absent for commands, which follow nothing. */
  readonly relay?: string;
}

/** Timeout of an identity request, in milliseconds. */
const IDENTITY_TIMEOUT_MS = 5_000;

/**
 * Origins that may be reached without https: with the sandbox, the sandbox and
 * this server; in test mode, those in the configuration.
 */
export function plainOrigins(
  config: Config,
  sandbox: SandboxNetwork | undefined,
): string[] {
  const origins = sandbox
    ? [
      sandbox.pds,
      sandbox.plc,
      ...sandbox.relay === undefined ? [] : [sandbox.relay],
      config.server.base_url,
      config.hold.public_url,
    ]
    : [];
  if (!config.server.test_mode) return origins;
  const hold = config.server.default_hold_did?.replace(/^did:web:/, "")
    .replace("%3A", ":");
  return [
    ...origins,
    config.server.base_url,
    config.hold.public_url,
    config.identity.plc_url,
    ...[config.index.relay_url ?? ""].filter((url) => url.startsWith("http:")),
    ...config.identity.plain_origins,
    ...(hold === undefined || hold.startsWith("did:")
      ? []
      : [`http://${hold}`]),
  ];
}

/** Creates the identity resolver with the limits of the configuration. */
export function openIdentities(
  config: Config,
  deps: {
    kv: Kv;
    clock: Clock;
    log: Logger;
    fetch: GuardedFetch;
    sandbox: SandboxNetwork | undefined;
  },
): IdentityResolver {
  const { kv, clock, log, fetch, sandbox } = deps;
  const { plc_url, cache_ttl_seconds, stale_ttl_seconds } = config.identity;
  const timeoutMs = IDENTITY_TIMEOUT_MS;
  return new CachedIdentityResolver({
    kv,
    clock,
    log,
    ttlMs: cache_ttl_seconds * 1000,
    staleTtlMs: stale_ttl_seconds * 1000,
    negativeTtlMs: config.identity.negative_ttl_seconds * 1000,
    dids: new DidResolver({
      fetch,
      plcDirectories: sandbox ? [sandbox.plc, plc_url] : [plc_url],
      timeoutMs,
    }),
    handles: new HandleResolver({
      fetch,
      clock,
      timeoutMs,
      ...(sandbox ? { sandboxPds: sandbox.pds } : {}),
    }),
  });
}

/** User-Agent of requests to other servers. */
export function userAgent({ server }: Config): string {
  return `${server.client_name} (+${server.base_url})`;
}
