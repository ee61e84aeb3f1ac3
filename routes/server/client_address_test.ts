import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { Hono } from "@hono/hono";
import { clientAddress, socketSubject } from "./client_address.ts";

function request(remoteAddress: string, forwarded?: string): IncomingMessage {
  const headers = forwarded === undefined
    ? {}
    : { "x-forwarded-for": forwarded };
  const made: unknown = { headers, socket: { remoteAddress } };
  return made as IncomingMessage;
}

Deno.test("a WebSocket is counted for its address, never for loopback", () => {
  const subject = socketSubject({ trustProxy: false });
  assert.equal(subject(request("198.51.100.7")), "198.51.100.7");
  assert.equal(subject(request("2001:db8:1:2:3::4")), "2001:db8:1:2::/64");
  assert.equal(subject(request("127.0.0.1", "198.51.100.7")), undefined);
  assert.equal(subject(request("::ffff:127.0.0.1")), undefined);
});

Deno.test("behind a trusted proxy a WebSocket is counted for the client that the proxy names, never for the proxy", () => {
  const subject = socketSubject({ trustProxy: true });
  const proxy = "10.0.0.1";
  assert.equal(
    subject(request(proxy, "1.1.1.1, 198.51.100.7")),
    "198.51.100.7",
  );
  assert.equal(subject(request(proxy)), undefined);
  assert.equal(subject(request(proxy, "unknown")), undefined);
});

Deno.test("behind a trusted proxy that names no client its address is unknown, never the proxy's", async () => {
  const of = async (trustProxy: boolean, forwarded?: string) => {
    const app = new Hono();
    const addressOf = clientAddress({ trustProxy });
    app.get("/", (c) => c.text(addressOf(c)));
    const headers = forwarded ? { "x-forwarded-for": forwarded } : {};
    const connection = { remoteAddress: "10.0.0.1" };
    return await (await app.request("/", { headers }, connection)).text();
  };
  assert.equal(await of(true, "1.1.1.1, 198.51.100.7"), "198.51.100.7");
  assert.equal(await of(true), "unknown");
  assert.equal(await of(true, "nobody"), "unknown");
  assert.equal(await of(false, "198.51.100.7"), "10.0.0.1");
});

Deno.test("proxies that add the port of the client name its address", () => {
  const subject = socketSubject({ trustProxy: true });
  const of = (entry: string) =>
    subject(request("10.0.0.1", `1.1.1.1, ${entry}`));
  assert.equal(of("198.51.100.7:51234"), "198.51.100.7");
  assert.equal(of("[2001:db8:1:2:3::4]:443"), "2001:db8:1:2::/64");
  assert.equal(of("[2001:db8:1:2:3::4]"), "2001:db8:1:2::/64");
  assert.equal(of("127.0.0.1:80"), undefined);
  const wrong = [
    ...[
      "198.51.100.7:",
      "198.51.100.7:x",
      "198.51.100.7:123456",
      "198.51.100:80",
    ],
    ...[
      "[198.51.100.7]:80",
      "[2001:db8::1",
      "[]:80",
      "198.51.100.7:80:80",
      ":80",
    ],
  ];
  for (const entry of wrong) assert.equal(of(entry), undefined, entry);
});

Deno.test("a proxy nearby names its clients, and public addresses name nobody", async () => {
  const of = async (remoteAddress: string, forwarded?: string) => {
    const app = new Hono();
    const addressOf = clientAddress({ trustProxy: false, nearProxy: true });
    app.get("/", (c) => c.text(addressOf(c)));
    const headers = forwarded ? { "x-forwarded-for": forwarded } : {};
    return await (await app.request("/", { headers }, { remoteAddress }))
      .text();
  };
  for (const proxy of ["10.0.0.1", "127.0.0.1", "::1", "fd00::1"]) {
    assert.equal(await of(proxy, "1.1.1.1, 9.9.9.9"), "9.9.9.9");
    assert.equal(await of(proxy), proxy);
  }
  assert.equal(await of("1.1.1.1", "9.9.9.9"), "1.1.1.1");
});
