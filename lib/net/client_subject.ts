/**
 * Network addresses of clients: subjects of rate limits, and addresses that many
 * clients share.
 *
 * @module
 */

import ipaddr from "ipaddr.js";
import { isIPv6 } from "node:net";

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

/** Whether the address is loopback, also as an IPv4-mapped IPv6 address. */
export function isLoopbackAddress(address: string): boolean {
  // Fast path for every connection: no other address has these spellings.
  if (/^(?:::ffff:)?127\.|^::1$/.test(address)) return true;
  if (!address.includes(":") || !ipaddr.isValid(address)) return false;
  return ipaddr.process(address).range() === "loopback";
}

/** Returns the /64 network of an IPv6 address; an IPv4-mapped address becomes the IPv4 address. */
function networkOf(address: string): string {
  const parsed = ipaddr.IPv6.parse(address.replace(/%.*$/, ""));
  if (parsed.isIPv4MappedAddress()) return parsed.toIPv4Address().toString();
  const [a = 0, b = 0, c = 0, d = 0] = parsed.parts;
  return `${[a, b, c, d].map((part) => part.toString(16)).join(":")}::/64`;
}
