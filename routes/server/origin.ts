/**
 * Under which address a client reaches us.
 *
 * @module
 */

/** The part of the configuration that decides. */
export interface OriginSettings {
  base_url: string;
  /** Hosts under which images are named. */
  registry_domains: readonly string[];
}

const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/;

/**
 * The origin to name in challenges. That of the request where its host is one
 * of ours (a laptop has several names, and a client that came by one may not
 * reach another), else the configured one: `Host` is anybody's to write.
 */
export function clientOrigin(
  settings: OriginSettings,
): (request: Request) => string {
  const base = new URL(settings.base_url);
  const own = new Set(settings.registry_domains);
  const local = LOOPBACK.test(base.host);
  return (request) => {
    const { host } = new URL(request.url);
    const ours = own.has(host) || (local && LOOPBACK.test(host));
    return ours ? `${base.protocol}//${host}` : base.origin;
  };
}
