/**
 * Subjects of rate limits by network address.
 *
 * @module
 */

import ipaddr from "ipaddr.js";
import { isIPv6 } from "node:net";
import { isLoopbackAddress } from "./public_address.ts";

/**
 * Returns the subject of `counted`: the /64 network of an IPv6 address,
 * everything else unchanged.
 */
export function subjectOf(counted: string): string {
  return isIPv6(counted) ? networkOf(counted) : counted;
}

/**
 * Whether many clients may have this address, so that no limit may count it as
 * one of them: loopback, where a proxy of the same machine is, and
 * `unknown`, as behind a trusted proxy that names no client.
 */
export function isShared(address: string): boolean {
  return address === "unknown" || isLoopbackAddress(address);
}

/** Returns the /64 network of an IPv6 address; an IPv4-mapped address becomes the IPv4 address. */
function networkOf(address: string): string {
  const parsed = ipaddr.IPv6.parse(address.replace(/%.*$/, ""));
  if (parsed.isIPv4MappedAddress()) return parsed.toIPv4Address().toString();
  const [a = 0, b = 0, c = 0, d = 0] = parsed.parts;
  return `${[a, b, c, d].map((part) => part.toString(16)).join(":")}::/64`;
}
