/**
 * Which IP addresses belong to the public Internet.
 *
 * @module
 */

import ipaddr from "ipaddr.js";

/** The only IPv6 range allocated to public hosts today (RFC 4291, 2.4). */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR("2000::/3");

/** Documentation range of RFC 9637, which the address library may not know. */
const DOCUMENTATION_V6 = ipaddr.IPv6.parseCIDR("3fff::/20");

/** Whether `text` is an IP address; IPv6 without brackets. */
export function isIpAddress(text: string): boolean {
  return ipaddr.isValid(text);
}

/**
 * Whether an untrusted URL may connect to this address.
 *
 * False for everything that leads into our own network or to no single host:
 * private, loopback, link-local, carrier-grade NAT, multicast, reserved and
 * documentation ranges, and IPv6 forms that carry an IPv4 address (mapped,
 * NAT64, 6to4, Teredo), since those could carry a private one. False as well
 * when `address` is not an IP address at all.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== "unicast") return false;
  if (parsed instanceof ipaddr.IPv4) return true;
  return parsed.match(GLOBAL_UNICAST) && !parsed.match(DOCUMENTATION_V6);
}
