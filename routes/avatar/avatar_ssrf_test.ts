/**
 * Handles, DID documents, redirects and fallbacks that point into our own
 * network, through the avatar routes and everything below them: no connection
 * is made to a private address.
 */

import assert from "node:assert/strict";
import { DidResolver } from "../../lib/atproto/identity/did_resolver.ts";
import { createGuardedFetch } from "../../lib/net/guarded_fetch.ts";
import { HandleResolver } from "../../lib/atproto/identity/handle_resolver.ts";
import type { TransportRequest } from "../../lib/net/http_transport.ts";
import { CachedIdentityResolver } from "../../lib/atproto/identity/identity_resolver.ts";
import { PdsClient } from "../../lib/atproto/pds/pds_client.ts";
import { isPublicAddress } from "../../lib/net/public_address.ts";
import { systemClock } from "../../lib/clock.ts";
import { fixture } from "../../tests/support/images.ts";
import { blobCid } from "../../tests/support/avatar_network.ts";
import { openAvatars } from "./testing_avatars.ts";
import { silentLogger } from "../../lib/testing_log.ts";
import { openKv } from "../../lib/kv/open_kv.ts";

const PLC = "https://plc.example.com";
const PUBLIC = "93.184.216.34";
const PICTURE = fixture("png/rgb8.png");

/** Names as returned by a hostile name server; everything else is public. */
const DNS: Readonly<Record<string, readonly string[]>> = {
  localhost: ["127.0.0.1", "::1"],
  "loopback.example.com": ["127.0.0.1"],
  "loopback6.example.com": ["::1"],
  "private.example.com": ["10.0.0.7"],
  "shared.example.com": ["100.64.0.9"],
  "metadata.example.com": ["169.254.169.254"],
  "mapped.example.com": ["::ffff:10.0.0.7"],
  "nat64.example.com": ["64:ff9b::a00:7"],
  "ula.example.com": ["fd12::7"],
};

/** Where an attacker would like us to go. */
const TARGETS = [
  "http://127.0.0.1:2583",
  "https://127.0.0.1",
  "https://localhost",
  "https://localhost:8443",
  "https://0.0.0.0",
  "https://2130706433",
  "https://0x7f.1",
  "https://[::1]",
  "https://[::ffff:127.0.0.1]",
  "https://[fe80::1]",
  "https://169.254.169.254",
  "https://10.1.2.3",
  "https://172.16.0.1",
  "https://192.168.1.1",
  "https://user:secret@93.184.216.34",
  "https://pds.example.com:6379",
  "ftp://pds.example.com",
  "file:///etc/passwd",
  ...Object.keys(DNS).map((host) => `https://${host}`),
];

/** A network in which the attacker controls every public host. */
class Attack {
  /** Requests that must not be sent. */
  readonly leaks: string[] = [];
  /** Requests that reached the attacker. */
  readonly reached: string[] = [];
  /** The PDS in DID documents. */
  pds = "https://pds.example.com";
  /** Where the attacker's hosts redirect to. */
  redirect: string | undefined;
  /** Responses of the name server for the rebinding host. */
  readonly rebinding = [[PUBLIC], ["127.0.0.1"]];

  resolve = (host: string): Promise<readonly string[]> => {
    if (host === "rebind.example.com") {
      return Promise.resolve(this.rebinding.shift() ?? ["127.0.0.1"]);
    }
    return Promise.resolve(DNS[host] ?? [PUBLIC]);
  };

  send = (request: TransportRequest): Promise<Response> => {
    const { url, addresses } = request;
    const safe = url.origin === PLC ||
      (addresses !== undefined && addresses.length > 0 &&
        addresses.every(isPublicAddress));
    if (!safe) this.leaks.push(`${url} at ${addresses}`);
    else if (url.origin !== PLC) this.reached.push(url.href);
    return Promise.resolve(this.#answer(url));
  };

  #answer(url: URL): Response {
    if (url.origin === PLC || url.pathname === "/.well-known/did.json") {
      return Response.json(this.#document(url));
    }
    if (this.redirect !== undefined) {
      const location = this.redirect + url.pathname + url.search;
      return new Response(null, { status: 302, headers: { location } });
    }
    if (url.pathname.endsWith("atproto-did")) {
      return new Response("did:plc:aaaaaaaaaaaaaaaaaaaaaaaa");
    }
    if (url.pathname.endsWith("getBlob")) return new Response(PICTURE);
    const repo = url.searchParams.get("repo");
    const link = { $link: blobCid(PICTURE) };
    const avatar = {
      $type: "blob",
      ref: link,
      mimeType: "image/png",
      size: PICTURE.length,
    };
    return Response.json({
      uri: `at://${repo}/app.bsky.actor.profile/self`,
      value: { avatar },
    });
  }

  #document(url: URL) {
    const id = url.origin === PLC
      ? decodeURIComponent(url.pathname.slice(1))
      : `did:web:${url.hostname}`;
    return {
      id,
      alsoKnownAs: ["at://evil.example.com"],
      service: [{
        id: "#atproto_pds",
        type: "AtprotoPersonalDataServer",
        serviceEndpoint: this.pds,
      }],
    };
  }
}

/** Sends a request to the avatar routes in a separate network. */
async function ask(
  path: string,
  prepare: (attack: Attack) => void,
): Promise<{ status: number; location: string | null; attack: Attack }> {
  const attack = new Attack();
  prepare(attack);
  const fetch = createGuardedFetch({
    userAgent: "test/1",
    allowedOrigins: [PLC],
    resolve: attack.resolve,
    transport: { send: attack.send, close() {} },
  });
  const kv = await openKv(":memory:");
  const common = { kv, clock: systemClock, log: silentLogger };
  const identities = new CachedIdentityResolver({
    ...common,
    dids: new DidResolver({ fetch, plcDirectories: [PLC], timeoutMs: 2000 }),
    handles: new HandleResolver({
      fetch,
      clock: systemClock,
      resolveTxt: () => Promise.resolve([]),
      timeoutMs: 2000,
    }),
    ttlMs: 1000,
    staleTtlMs: 600_000,
    negativeTtlMs: 1000,
  });
  using avatars = await openAvatars({
    kv,
    clock: systemClock,
    identities,
    pds: new PdsClient(fetch),
  }, { fallbackHosts: ["cdn.example.com"] });
  const response = await avatars.app.request(path);
  await response.body?.cancel();
  const { status, headers } = response;
  return { status, location: headers.get("location"), attack };
}

const DID = "/did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";

Deno.test("the test network works without an attack", async () => {
  const { status, location, attack } = await ask(DID, () => {});
  assert.equal(status, 302);
  assert.match(location ?? "", /^https:\/\/pics\.example\.com\/avatars\//);
  assert.deepEqual(attack.leaks, []);
});

Deno.test("a PDS in our own network is not queried for any DID document", async () => {
  for (const target of TARGETS) {
    const { status, attack } = await ask(DID, (attack) => attack.pds = target);
    assert.deepEqual(attack.leaks, [], target);
    const asked = attack.reached.filter((url) => url.includes("/xrpc/"));
    assert.deepEqual(asked, [], target);
    assert.ok([404, 502].includes(status), `${status} for ${target}`);
  }
});

Deno.test("a PDS that redirects into our own network is not followed", async () => {
  for (const target of TARGETS) {
    const { status, attack } = await ask(
      DID,
      (attack) => attack.redirect = target,
    );
    assert.deepEqual(attack.leaks, [], target);
    assert.equal(status, 502, target);
  }
});

Deno.test("handles and did:web in our own network are not queried", async () => {
  const identifiers = [
    ...Object.keys(DNS),
    ...Object.keys(DNS).map((host) => `did:web:${host}`),
    "127.0.0.1",
    "10.0.0.1",
    "169.254.169.254",
    "localhost.localdomain",
    "metadata.google.internal",
    "did:web:127.0.0.1",
    "did:web:localhost",
    "did:web:localhost%253A2583",
    "did:web:[::1]",
    "did:web:169.254.169.254",
    "did:web:example.com%253A22",
    "did:web:example.com:..:secret",
    "did:plc:../../admin",
  ];
  for (const identifier of identifiers) {
    const { status, attack } = await ask(`/${identifier}`, () => {});
    assert.deepEqual(attack.leaks, [], identifier);
    assert.ok([400, 404, 502].includes(status), `${status} ${identifier}`);
  }
});

Deno.test("a name that changes its address after the check is not followed", async () => {
  const { attack } = await ask(
    DID,
    (attack) => attack.pds = "https://rebind.example.com",
  );
  assert.deepEqual(attack.leaks, []);
});

Deno.test("a fallback is only ever a redirect, and only to an allowed host", async () => {
  for (const target of TARGETS) {
    const { status, location, attack } = await ask(
      `/nobody.example.com?fallback=${encodeURIComponent(target)}`,
      () => {},
    );
    assert.equal(status, 400, target);
    assert.equal(location, null);
    assert.deepEqual(attack.leaks, []);
    assert.deepEqual(attack.reached, [], "nothing is fetched");
  }
});
