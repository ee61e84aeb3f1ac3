/**
 * A guarded fetch that measures its requests.
 *
 * @module
 */

import type { GuardedFetch } from "../../net/guarded_fetch.ts";
import type {
  SystemMetrics,
  UpstreamTarget,
} from "../../metrics/system_metrics.ts";

/** Passes every request on and measures it; `directory` is the origin of the PLC directory. */
export function meteredFetch(
  fetch: GuardedFetch,
  metrics: SystemMetrics,
  directory: string,
): GuardedFetch {
  const metered: GuardedFetch = Object.assign(
    (...[input, init]: Parameters<GuardedFetch>) =>
      metrics.upstream(
        targetOf(
          input instanceof Request ? input.url : String(input),
          directory,
        ),
        () => fetch(input, init),
      ),
    { close: () => fetch.close() },
  );
  return metered;
}

/** What a request is for; few values, because they are labels. */
function targetOf(url: string, directory: string): UpstreamTarget {
  if (url.startsWith(`${directory}/`)) return "plc";
  if (url.includes("/xrpc/com.atproto.server.getServiceAuth")) {
    return "service_auth";
  }
  if (url.includes("/xrpc/io.atcr.hold.")) return "hold";
  if (url.includes("/xrpc/")) return "pds";
  return url.includes("/.well-known/") ? "identity" : "other";
}
