import assert from "node:assert/strict";
import type { Did } from "../../lib/did.ts";
import { type AvatarOptions } from "../../lib/avatar/options.ts";
import { sniff } from "../../lib/avatar/image/sniff/sniff.ts";
import { AppError } from "../../lib/errors.ts";
import { FakeNetwork } from "../../tests/support/avatar_network.ts";
import { fixture } from "../../tests/support/images.ts";
import { clientAddress } from "../server/client_address.ts";
import { BASE, openAvatars } from "./testing_avatars.ts";
import { ManualClock } from "../../lib/testing_clock.ts";
import { openKv } from "../../lib/kv/open_kv.ts";

const ALICE: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const BOB: Did = "did:web:bob.example.com";
const IMMUTABLE = "public, max-age=31536000, immutable";

/** The routes over an account with a picture (alice) and one without (bob). */
async function withApp(
  body: (app: {
    get(path: string, init?: RequestInit): Promise<Response>;
    network: FakeNetwork;
    cid: string;
  }) => Promise<void>,
  options: Partial<AvatarOptions> = {},
): Promise<void> {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const network = new FakeNetwork();
  network.addAccount(ALICE, "alice.test");
  network.addAccount(BOB, "bob.test");
  const cid = network.setPicture(ALICE, fixture("jpeg/photo-256.jpg"));
  using avatars = await openAvatars({ kv, clock, ...network }, options, {
    indexPath: "/avatars",
    addressOf: clientAddress({ trustProxy: true }),
  });
  const { app } = avatars;
  app.get("/settings", (c) => c.text("somebody else's page"));
  app.get("/r/:name", (c) => c.text("somebody else's page"));
  await body({
    get: async (path, init) => await app.request(path, init),
    network,
    cid,
  });
}

Deno.test("returns a redirect that is not cached", () =>
  withApp(async ({ get, cid }) => {
    const response = await get("/alice.test?w=20&h=20");
    assert.equal(response.status, 302);
    assert.equal(
      response.headers.get("location"),
      `${BASE}/avatars/${ALICE}/${cid}/w20-h20-q85.webp`,
    );
    assert.equal(response.headers.get("cache-control"), null);
    assert.equal(response.headers.get("access-control-allow-origin"), "*");
    assert.equal(response.headers.get("x-cache"), "miss");
    const again = await get(`/${ALICE}?w=20&h=20`, { method: "HEAD" });
    assert.equal(again.status, 302);
    assert.equal(again.headers.get("x-cache"), "hit");
    const upper = await get("/Alice.TEST?h=20&w=20");
    assert.equal(upper.headers.get("x-cache"), "hit");
  }));

Deno.test("an account is found by every spelling of its address", () =>
  withApp(async ({ get, network, cid }) => {
    network.addAccount("did:web:bucher.example.com", "xn--bcher-kva.test");
    const idn = network.setPicture(
      "did:web:bucher.example.com",
      fixture("png/rgb8.png"),
    );
    const cases = {
      "/@alice.test": cid,
      "/%40alice.test": cid,
      "/alice.test/": cid,
      "/alice.test./": cid,
      "/alice.test.": cid,
      "/ALICE.Test": cid,
      "/%E2%80%AAalice.test%E2%80%AC": cid,
      "/@alice.test.json": cid,
      "/alice.test.json/": cid,
      "/at%3A%2F%2Falice.test": cid,
      [`/${encodeURIComponent(ALICE)}`]: cid,
      [`/${ALICE}/`]: cid,
      [`/${ALICE}.json`]: cid,
      [`/@${ALICE}?w=20`]: cid,
      "/b%C3%BCcher.test": idn,
      "/@B%C3%9CCHER.test/": idn,
      "/xn--bcher-kva.test": idn,
    };
    for (const [path, expected] of Object.entries(cases)) {
      const response = await get(path);
      const found = response.status === 302
        ? response.headers.get("location")
        : await response.text();
      assert.ok(found?.includes(expected), `${path}: ${found}`);
    }
    assert.equal((await get("/@bob.test/banner/")).status, 404);
    assert.equal((await get("/%FF.test")).status, 404);
  }));

Deno.test("other methods are refused with those that work", () =>
  withApp(async ({ get, cid }) => {
    const paths = [
      "/alice.test",
      "/@alice.test/",
      "/alice.test.json",
      "/alice.test/banner",
      `/avatars/${ALICE}/${cid}/default.webp`,
      "/avatars",
    ];
    for (const path of paths) {
      for (const method of ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"]) {
        const response = await get(path, { method });
        assert.equal(response.status, 405, `${method} ${path}`);
        const { headers } = response;
        assert.equal(headers.get("allow"), "GET, HEAD, OPTIONS");
        assert.equal(headers.get("access-control-allow-origin"), "*");
        assert.match(await response.text(), /use GET or HEAD/);
      }
    }
    assert.equal((await get("/settings", { method: "POST" })).status, 404);
  }));

Deno.test("the redirect leads to the picture, which is immutable", () =>
  withApp(async ({ get }) => {
    const redirect = await get("/alice.test?w=20&h=20");
    const { pathname } = new URL(redirect.headers.get("location") ?? "");
    const response = await get(pathname);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "image/webp");
    assert.equal(response.headers.get("cache-control"), IMMUTABLE);
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    assert.equal(
      response.headers.get("content-security-policy"),
      "default-src 'none'; sandbox",
    );
    const bytes = new Uint8Array(await response.arrayBuffer());
    assert.equal(response.headers.get("content-length"), `${bytes.length}`);
    const info = sniff(bytes);
    assert.deepEqual([info?.format, info?.width, info?.height], [
      "webp",
      20,
      20,
    ]);

    const etag = response.headers.get("etag") ?? "";
    const known = await get(pathname, { headers: { "if-none-match": etag } });
    assert.equal(known.status, 304);
    assert.equal(known.headers.get("cache-control"), IMMUTABLE);
    const head = await get(pathname, { method: "HEAD" });
    assert.equal(head.headers.get("content-length"), `${bytes.length}`);
    assert.equal((await head.arrayBuffer()).byteLength, 0);
  }));

Deno.test("the original is served with the type of its bytes", () =>
  withApp(async ({ get, cid }) => {
    await get("/alice.test");
    const response = await get(`/avatars/${ALICE}/original/${cid}`);
    assert.equal(response.headers.get("content-type"), "image/jpeg");
    const bytes = new Uint8Array(await response.arrayBuffer());
    assert.deepEqual(bytes, fixture("jpeg/photo-256.jpg"));
  }));

Deno.test("paths that are not identifiers are left to other routes", () =>
  withApp(async ({ get }) => {
    assert.equal(await (await get("/settings")).text(), "somebody else's page");
    assert.equal(await (await get("/r/a.b")).text(), "somebody else's page");
    for (const path of ["/favicon.ico", "/robots.txt", "/.env", "/alice"]) {
      assert.equal((await get(path)).status, 404, path);
    }
  }));

Deno.test("returns 400 and a sentence for an invalid parameter", () =>
  withApp(async ({ get }) => {
    for (const query of ["w=0", "h=99999", "q=101", "f=bmp", "w=1.5"]) {
      const response = await get(`/alice.test?${query}`);
      assert.equal(response.status, 400, query);
      assert.match(await response.text(), /must be/);
      assert.equal(response.headers.get("access-control-allow-origin"), "*");
    }
  }));

Deno.test("returns 404 and a sentence for unknown identifiers and missing pictures", () =>
  withApp(async ({ get }) => {
    const unknown = await get("/nobody.test");
    assert.equal(unknown.status, 404);
    assert.match(await unknown.text(), /no account nobody\.test/);
    const none = await get("/bob.test");
    assert.equal(none.status, 404);
    assert.equal(await none.text(), "bob.test has no avatar.\n");
    assert.equal(none.headers.get("cache-control"), "no-store");
    const page = await get("/bob.test", { headers: { accept: "text/html" } });
    assert.match(page.headers.get("content-type") ?? "", /^text\/html/);
    assert.match(await page.text(), /bob\.test has no avatar/);
    const json = await get("/nobody.test.json");
    assert.equal(json.status, 404);
    assert.match((await json.json()).message, /nobody\.test/);
  }));

Deno.test("returns 502 or 504 for a failing PDS, 415 or 422 for bytes that are not an image", () =>
  withApp(async ({ get, network }) => {
    const cases = [
      ["UPSTREAM_FAILED", 502],
      ["UPSTREAM_TIMEOUT", 504],
    ] as const;
    for (const [i, [code, status]] of cases.entries()) {
      network.down = new AppError(code, "The PDS does not answer.");
      const did: Did = `did:plc:failing${i}`;
      network.addAccount(did, `failing${i}.test`);
      assert.equal((await get(`/failing${i}.test`)).status, status);
    }
    network.down = undefined;
    const pictures = [
      ["other/script.svg", 415],
      ["broken/webp-truncated.webp", 422],
      ["bomb/png-30000-1bit.png", 422],
    ] as const;
    for (const [i, [file, status]] of pictures.entries()) {
      const did: Did = `did:plc:broken${i}`;
      network.addAccount(did, `broken${i}.test`);
      network.setPicture(did, fixture(file));
      assert.equal((await get(`/broken${i}.test`)).status, status, file);
    }
  }));

Deno.test("a fallback is returned if there is no picture, and cached only for a short time", () =>
  withApp(async ({ get, cid }) => {
    const svg = await get("/bob.test?fallback=initials&w=64");
    assert.equal(svg.status, 200);
    assert.equal(svg.headers.get("content-type"), "image/svg+xml");
    assert.equal(svg.headers.get("cache-control"), "public, max-age=60");
    assert.match(await svg.text(), /width="64" height="64"/);
    const again = await get("/bob.test?fallback=initials&w=64", {
      headers: { "if-none-match": svg.headers.get("etag") ?? "" },
    });
    assert.equal(again.status, 304);
    assert.equal(again.headers.get("cache-control"), "public, max-age=60");
    const png = await get("/nobody.test?fallback=identicon&f=png&w=64");
    assert.equal(png.headers.get("content-type"), "image/png");
    const elsewhere = "https://cdn.example.com/nobody.png";
    const redirect = await get(`/bob.test?fallback=${elsewhere}`);
    assert.equal(redirect.status, 302);
    assert.equal(redirect.headers.get("location"), elsewhere);
    assert.equal((await get("/bob.test?fallback=404")).status, 404);
    const real = await get("/alice.test?fallback=initials");
    assert.match(real.headers.get("location") ?? "", new RegExp(cid));
  }, { fallbackHosts: ["cdn.example.com"] }));

Deno.test("f=auto follows the Accept header and sets Vary", () =>
  withApp(async ({ get }) => {
    const accept = (value: string) =>
      get("/alice.test?f=auto", { headers: { accept: value } });
    const webp = await accept("image/webp,*/*");
    assert.match(webp.headers.get("location") ?? "", /default\.webp$/);
    assert.equal(webp.headers.get("vary"), "accept");
    const jpg = await accept("image/png,image/*");
    assert.match(jpg.headers.get("location") ?? "", /q85\.jpg$/);
  }));

Deno.test("the description is JSON and supports conditional requests", () =>
  withApp(async ({ get, cid }) => {
    await get("/alice.test?w=20");
    const response = await get("/alice.test.json");
    const body = await response.json();
    assert.equal(body.did, ALICE);
    assert.equal(body.handle, "alice.test");
    assert.equal(body.cid, cid);
    assert.equal(body.source.collection, "app.bsky.actor.profile");
    assert.deepEqual(body.variants, [
      `${BASE}/avatars/${ALICE}/${cid}/w20-q85.webp`,
    ]);
    assert.equal(body.banner, null);
    const etag = response.headers.get("etag") ?? "";
    const again = await get("/alice.test.json", {
      headers: { "if-none-match": etag },
    });
    assert.equal(again.status, 304);
  }));

Deno.test("the banner has a path of its own", () =>
  withApp(async ({ get, network }) => {
    assert.equal((await get("/alice.test/banner")).status, 404);
    const cid = network.setPicture(BOB, fixture("png/rgb8.png"), {
      kind: "banner",
    });
    const response = await get("/bob.test/banner?w=30");
    assert.match(response.headers.get("location") ?? "", new RegExp(cid));
    assert.match(
      response.headers.get("location") ?? "",
      /did:web:bob\.example\.com/,
    );
  }));

Deno.test("a DID with a port is a path like any other", () =>
  withApp(async ({ get, network }) => {
    const did: Did = "did:web:localhost%3A2583";
    network.addAccount(did, "carol.test");
    network.setPicture(did, fixture("png/rgb8.png"));
    const response = await get("/carol.test");
    const location = new URL(response.headers.get("location") ?? "");
    assert.match(location.pathname, /did:web:localhost%253A2583/);
    assert.equal((await get(location.pathname)).status, 200);
  }));

Deno.test("the page explains the service and shows the tried picture", () =>
  withApp(async ({ get }) => {
    const page = await (await get("/avatars")).text();
    assert.match(page, /Handle or DID/);
    assert.doesNotMatch(page, /<figure>/);
    const response = await get("/avatars?identifier=alice.test&w=50&h=&f=png");
    const trial = await response.text();
    assert.match(
      trial,
      /src="\/alice\.test\?w=50&amp;f=png&amp;fallback=initials"/,
    );
    const policy = response.headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /img-src 'self' https:\/\/pics\.example\.com/);
    const hostile = await get(
      `/avatars?identifier=${encodeURIComponent('"><script>')}`,
    );
    assert.doesNotMatch(await hostile.text(), /<script/);
  }));

Deno.test("the page lists and tries the allowed sizes", async () => {
  const cases: [Partial<AvatarOptions>, RegExp, string][] = [
    [{}, /1 to 2048 pixels/, "200"],
    [{ allowedSizes: [64, 128] }, />64, 128 pixels</, "64"],
    [
      { allowedSizes: [64], signingKeys: ["key"] },
      />64 pixels; with a signature \(s\) 1 to 2048 pixels</,
      "64",
    ],
    [{ signingKeys: ["key"] }, />without a size; with a signature/, ""],
  ];
  for (const [options, sizes, side] of cases) {
    await withApp(async ({ get }) => {
      const page = await (await get("/avatars?identifier=alice.test")).text();
      assert.match(page, sizes);
      const size = side === "" ? "" : `w=${side}&amp;h=${side}&amp;`;
      assert.ok(page.includes(`src="/alice.test?${size}fallback=initials"`));
    }, options);
  }
});

Deno.test("scripts of other sites may send requests, also conditional ones, and read every header", () =>
  withApp(async ({ get, cid }) => {
    const object = `/avatars/${ALICE}/${cid}/default.webp`;
    await get("/alice.test");
    for (const path of ["/alice.test", "/alice.test.json", object]) {
      const allowed = await get(path, { method: "OPTIONS" });
      assert.equal(allowed.status, 204, path);
      const { headers } = allowed;
      assert.equal(headers.get("access-control-allow-methods"), "GET, HEAD");
      assert.equal(headers.get("access-control-allow-headers"), "*");
      const answer = await get(path);
      await answer.body?.cancel();
      for (const name of ["allow-origin", "expose-headers"]) {
        const value = answer.headers.get(`access-control-${name}`);
        assert.equal(value, "*", `${name} of ${path}`);
      }
    }
  }));

Deno.test("one client's new work is limited, and cached pictures are still returned", () =>
  withApp(async ({ get, network }) => {
    const from = (address: string) => ({
      headers: { "x-forwarded-for": `203.0.113.9, ${address}` },
    });
    const one = from("198.51.100.1");
    // The account and three sizes.
    for (const w of [1, 2, 3]) {
      assert.equal((await get(`/alice.test?w=${w}`, one)).status, 302);
    }
    const other = await get("/alice.test?w=4", one);
    assert.equal(other.status, 302);
    assert.equal(other.headers.get("x-cache"), "nearest");
    assert.match(other.headers.get("location") ?? "", /w3-q85\.webp$/);
    for (const path of ["/alice.test", "/alice.test?w=64&h=64"]) {
      const common = await get(path, one);
      assert.equal(common.headers.get("x-cache"), "miss", path);
    }
    for (
      const path of [
        "/bob.test",
        "/bob.test.json",
        "/nobody.test?fallback=initials&f=png",
      ]
    ) {
      const refused = await get(path, one);
      assert.equal(refused.status, 429, path);
      assert.equal(refused.headers.get("retry-after"), "15", path);
    }
    assert.equal(network.asked.record, 1);
    for (let i = 0; i < 50; i++) {
      const known = await get(`/alice.test?w=${1 + i % 3}`, one);
      assert.equal(known.headers.get("x-cache"), "hit");
    }
    assert.equal((await get("/stranger.test", one)).status, 429);
    const two = from("198.51.100.2");
    assert.equal((await get("/alice.test?w=4", two)).status, 302);
    assert.equal((await get("/alice.test?w=4", one)).status, 302);
    assert.equal((await get("/bob.test", two)).status, 404);
    const svg = await get("/nobody.test?fallback=initials", two);
    assert.equal(svg.status, 200);
    assert.equal((await get("/stranger.test", two)).status, 404);
    assert.equal((await get("/stranger2.test", two)).status, 429);
  }, { clientPerMinute: 4 }));

Deno.test("a refusal of one client is not shared with another concurrent one", () =>
  withApp(async ({ get }) => {
    const ask = (path: string, address: string) =>
      get(path, { headers: { "x-forwarded-for": address } });
    await ask("/alice.test?w=1", "198.51.100.1");
    const answers = await Promise.all([
      ask("/alice.test?w=2", "198.51.100.1"),
      ask("/alice.test?w=2", "198.51.100.2"),
      ask("/bob.test", "198.51.100.1"),
      ask("/bob.test", "198.51.100.2"),
    ]);
    assert.deepEqual(
      answers.map(({ status }) => status),
      [302, 302, 429, 404],
    );
    assert.deepEqual(
      answers.slice(0, 2).map(({ headers }) => headers.get("x-cache")),
      ["nearest", "miss"],
    );
  }, { clientPerMinute: 2 }));
