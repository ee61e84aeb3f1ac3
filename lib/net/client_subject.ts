/**
 * Whom a limit by network address counts.
 *
 * @module
 */

import ipaddr from "ipaddr.js";
import { isIPv6 } from "node:net";

/** Whom `counted` stands for: the /64 network of an IPv6 address, everything else itself. */
export function subjectOf(counted: string): string {
  return isIPv6(counted) ? networkOf(counted) : counted;
}

/** The /64 network of an IPv6 address; an IPv4 address that is written as one is itself. */
function networkOf(address: string): string {
  const parsed = ipaddr.IPv6.parse(address.replace(/%.*$/, ""));
  if (parsed.isIPv4MappedAddress()) return parsed.toIPv4Address().toString();
  const [a = 0, b = 0, c = 0, d = 0] = parsed.parts;
  return `${[a, b, c, d].map((part) => part.toString(16)).join(":")}::/64`;
}
