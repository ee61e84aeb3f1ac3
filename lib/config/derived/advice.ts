/**
 * Warnings about valid configurations.
 *
 * @module
 */

import type { Complete, Machine } from "./derive.ts";

/** Warning for a public server without the proxy setting. */
export const PROXY_ADVICE =
  "server.trust_proxy is not set although server.base_url is a public https " +
  "address: the proxy that speaks https counts as one client, so limits by " +
  "address are shared by everyone. Set it to true where that proxy writes the " +
  "client's address to X-Forwarded-For and nobody can reach server.addr " +
  "without it, otherwise to false";

/**
 * Whether there seems to be a proxy in front that the configuration does not
 * mention. The program itself serves plain http only; on Deno Deploy the
 * platform provides the client address.
 *
 * @param isGiven whether the setting at a path was given.
 */
export function needsProxyAdvice(
  { server }: {
    readonly server: Pick<Complete["server"], "public" | "base_url">;
  },
  { deploy }: Pick<Machine, "deploy">,
  isGiven: (path: string) => boolean,
): boolean {
  return server.public && server.base_url.startsWith("https:") && !deploy &&
    !isGiven("server.trust_proxy");
}
