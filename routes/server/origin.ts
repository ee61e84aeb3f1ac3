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
  /** Whether a proxy stands in front, which says how it was reached. */
  trust_proxy: boolean;
}

const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/;

/** A host with an optional port, as in an origin. */
const HOST = /^(?:[a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i;

/**
 * The origin for challenges: that of the request if its host is one of ours (a
 * laptop has several names, and a client may not reach all of them), else the
 * configured one, because clients control `Host`. Where only an address of the
 * machine itself is configured, a trusted proxy says under which address it was
 * reached (RFC 7239, `X-Forwarded-Host`): it may have replaced `Host`.
 */
export function clientOrigin(
  settings: OriginSettings,
): (request: Request) => string {
  const base = new URL(settings.base_url);
  const own = new Set(settings.registry_domains);
  const local = LOOPBACK.test(base.host);
  return (request) => {
    if (settings.trust_proxy && local) {
      const forwarded = forwardedOrigin(request.headers);
      if (forwarded !== undefined) return forwarded;
    }
    const { host } = new URL(request.url);
    const ours = own.has(host) || (local && LOOPBACK.test(host));
    return ours ? `${base.protocol}//${host}` : base.origin;
  };
}

/** The origin that the nearest proxy was reached at; undefined if it does not say. */
function forwardedOrigin(headers: Headers): string | undefined {
  const nearest = headers.get("forwarded")?.split(",").at(-1) ?? "";
  const host = pairOf(nearest, "host") ??
    headers.get("x-forwarded-host")?.split(",").at(-1)?.trim();
  if (host === undefined || !HOST.test(host)) return undefined;
  const protocol = pairOf(nearest, "proto") ??
    headers.get("x-forwarded-proto")?.split(",").at(-1)?.trim();
  return `${protocol === "https" ? "https" : "http"}://${host.toLowerCase()}`;
}

/** The value of a parameter of one element of `Forwarded`. */
function pairOf(element: string, name: string): string | undefined {
  for (const pair of element.split(";")) {
    const [key, value] = pair.split("=", 2);
    if (key?.trim().toLowerCase() !== name) continue;
    return value?.trim().replace(/^"(.*)"$/, "$1");
  }
  return undefined;
}
