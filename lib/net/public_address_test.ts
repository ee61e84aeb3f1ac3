import assert from "node:assert/strict";
import fc from "fast-check";
import { isPublicAddress } from "./public_address.ts";

const REFUSED = [
  ["unspecified", "0.0.0.0"],
  ["this network", "0.1.2.3"],
  ["loopback", "127.0.0.1"],
  ["loopback, other end", "127.255.255.254"],
  ["private 10/8", "10.0.0.1"],
  ["private 172.16/12", "172.16.0.1"],
  ["private 172.16/12, other end", "172.31.255.255"],
  ["private 192.168/16", "192.168.1.1"],
  ["link-local, the metadata service", "169.254.169.254"],
  ["carrier-grade NAT", "100.64.0.1"],
  ["carrier-grade NAT, other end", "100.127.255.255"],
  ["IETF protocol assignments", "192.0.0.170"],
  ["documentation 1", "192.0.2.1"],
  ["documentation 2", "198.51.100.1"],
  ["documentation 3", "203.0.113.1"],
  ["benchmarking", "198.18.0.1"],
  ["benchmarking, other end", "198.19.255.255"],
  ["6to4 relays", "192.88.99.1"],
  ["multicast", "224.0.0.1"],
  ["multicast, other end", "239.255.255.255"],
  ["reserved", "240.0.0.1"],
  ["broadcast", "255.255.255.255"],
  ["unspecified v6", "::"],
  ["loopback v6", "::1"],
  ["link-local v6", "fe80::1"],
  ["site-local v6", "fec0::1"],
  ["unique local v6", "fc00::1"],
  ["unique local v6, other half", "fd12:3456::1"],
  ["multicast v6", "ff02::1"],
  ["mapped private", "::ffff:10.0.0.1"],
  ["mapped public", "::ffff:93.184.216.34"],
  ["mapped loopback in hex", "::ffff:7f00:1"],
  ["compatible loopback", "::127.0.0.1"],
  ["translated", "::ffff:0:10.0.0.1"],
  ["NAT64", "64:ff9b::7f00:1"],
  ["local NAT64", "64:ff9b:1::7f00:1"],
  ["6to4 around loopback", "2002:7f00:1::"],
  ["Teredo", "2001:0:53aa:64c::1"],
  ["discard", "100::1"],
  ["documentation v6", "2001:db8::1"],
  ["documentation v6, new", "3fff::1"],
  ["segment routing", "5f00::1"],
  ["not an address", "example.com"],
  ["empty", ""],
] as const;

for (const [what, address] of REFUSED) {
  Deno.test(`no request goes to ${address} (${what})`, () => {
    assert.equal(isPublicAddress(address), false);
  });
}

for (
  const address of [
    "1.1.1.1",
    "93.184.216.34",
    "172.15.255.255",
    "172.32.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "192.167.255.255",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
  ]
) {
  Deno.test(`${address} is public`, () => {
    assert.equal(isPublicAddress(address), true);
  });
}

Deno.test("no IPv4 address becomes public by being written as IPv6", () => {
  fc.assert(fc.property(fc.ipV4(), (v4) => {
    assert.equal(isPublicAddress(`::ffff:${v4}`), false);
    assert.equal(isPublicAddress(`::${v4}`), false);
    assert.equal(isPublicAddress(`64:ff9b::${v4}`), false);
  }));
});
