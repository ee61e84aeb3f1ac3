/**
 * What an operator should look at although the configuration is valid.
 *
 * @module
 */

import type { Complete, Machine } from "./derive.ts";

/** What is said of a public server that was not asked whether a proxy stands in front. */
export const PROXY_ADVICE =
  "server.trust_proxy is not set although server.base_url is a public https " +
  "address: the proxy that speaks https counts as one client, so limits by " +
  "address are shared by everyone. Set it to true where that proxy writes the " +
  "client's address to X-Forwarded-For and nobody can reach server.addr " +
  "without it, otherwise to false";

/**
 * Whether a proxy seems to stand in front and the operator has not said so.
 * The program itself speaks plain http only; on Deno Deploy the platform names
 * the client.
 *
 * @param isGiven whether the setting at a path was given.
 */
export function needsProxyAdvice(
  { server }: {
    readonly server: Pick<Complete["server"], "public" | "base_url">;
  },
  { deploy }: Machine,
  isGiven: (path: string) => boolean,
): boolean {
  return server.public && server.base_url.startsWith("https:") && !deploy &&
    !isGiven("server.trust_proxy");
}
