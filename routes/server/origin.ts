/**
 * The origin under which a client reaches the server.
 *
 * @module
 */

/** The relevant settings. */
export interface OriginSettings {
  base_url: string;
  /** Hosts in image names. */
  registry_domains: readonly string[];
}

const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/;

/**
 * The origin for challenges: that of the request if its host is one of ours (a
 * laptop has several names, and a client may not reach all of them), else the
 * configured one, because clients control `Host`.
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
