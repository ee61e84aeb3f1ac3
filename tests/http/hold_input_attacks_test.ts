/** Malformed and hostile input to a hold: all of it is refused, and nothing changes. */

import assert from "node:assert/strict";
import { attackedHold, INITIATE } from "../support/attacked_hold.ts";

const MIB = 1024 * 1024;

const it = attackedHold();

Deno.test("malformed, endless and hostile input is refused", async () => {
  const { aud, captain, mallory, as, send, assertRefused } = it();
  const write = async (name: string, input: unknown) =>
    await as(captain, `com.atproto.repo.${name}`, { input });
  const put = (change: Record<string, unknown>) =>
    write("putRecord", {
      repo: aud,
      collection: "com.example.note",
      rkey: "self",
      record: { $type: "com.example.note" },
      ...change,
    });
  const raw = async (text: string) =>
    await as(mallory, INITIATE, { input: new TextEncoder().encode(text) });
  const text = (size: number) => "x".repeat(size);
  await assertRefused([
    ["no body", () => raw(""), 400],
    ["no JSON", () => raw("digest=x"), 400],
    ["nesting without end", () => raw("[".repeat(200_000)), 400],
    ["a body of 5 MB", () => raw(`{"digest":"${text(5 * MIB)}"}`), 413],
    [
      "a digest that is a path",
      () => raw('{"digest":"sha256:../../../../etc/passwd"}'),
      400,
    ],
    [
      "a digest in capitals",
      () => raw(`{"digest":"sha256:${"AB".repeat(32)}"}`),
      400,
    ],
    [
      "a digest of an unknown algorithm",
      () => raw(`{"digest":"sha256:${"a".repeat(63)}"}`),
      400,
    ],
    ["a key that is a path", () => put({ rkey: ".." }), 400],
    ["a key with a slash", () => put({ rkey: "a/b" }), 400],
    ["a key of 600 characters", () => put({ rkey: text(600) }), 400],
    ["a collection that is a path", () => put({ collection: "../x" }), 400],
    ["a repo of another account", () => put({ repo: mallory.did }), 400],
    [
      "a record of another type",
      () => put({ record: { $type: "com.example.other" } }),
      400,
    ],
    [
      "a record with a fraction",
      () => put({ record: { $type: "com.example.note", n: 1.5 } }),
      400,
    ],
    [
      "a record of 2 MB",
      () => put({ record: { $type: "com.example.note", text: text(2 * MIB) } }),
      400,
      413,
    ],
    ["a record with a missing blob", () =>
      put({
        record: {
          $type: "com.example.note",
          blob: {
            $type: "blob",
            ref: {
              $link:
                "bafkreiabcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst",
            },
            mimeType: "image/png",
            size: 1,
          },
        },
      }), 400],
    ["a second captain", () =>
      put({
        collection: "io.atcr.hold.captain",
        rkey: "other",
        record: {
          $type: "io.atcr.hold.captain",
          owner: mallory.did,
          public: true,
          allowAllCrew: true,
          enableBlueskyPosts: false,
          deployedAt: new Date().toISOString(),
        },
      }), 400],
    ["an invalid captain", () =>
      put({
        collection: "io.atcr.hold.captain",
        record: { $type: "io.atcr.hold.captain", owner: "me" },
      }), 400],
    [
      "a swap of a missing record",
      () =>
        put({
          swapCommit:
            "bafyreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
        }),
      400,
    ],
    ["201 writes at once", () =>
      write("applyWrites", {
        repo: aud,
        writes: Array.from({ length: 201 }, () => ({
          $type: "com.atproto.repo.applyWrites#create",
          collection: "com.example.note",
          value: { $type: "com.example.note" },
        })),
      }), 400],
    [
      "a blob of 17 MB",
      async () =>
        await as(captain, "com.atproto.repo.uploadBlob", {
          input: new Uint8Array(17 * MIB),
        }),
      413,
    ],
    [
      "an empty blob",
      async () =>
        await as(captain, "com.atproto.repo.uploadBlob", {
          input: new Uint8Array(0),
        }),
      400,
    ],
    ["301 blocks at once", () =>
      send("com.atproto.sync.getBlocks", {
        params: { did: aud, cids: Array.from({ length: 301 }, () => "x") },
      }), 400],
    ["a page of a billion", () =>
      send("com.atproto.repo.listRecords", {
        params: { repo: aud, collection: "com.example.note", limit: 1e9 },
      }), 400],
    ["an invalid revision", () =>
      send("com.atproto.sync.getRepo", {
        params: { did: aud, since: "../../x" },
      }), 400],
  ]);
});

/** Sends a raw request line, which clients would normalise. */
async function rawRequest(line: string): Promise<number> {
  const connection = await Deno.connect({
    hostname: "127.0.0.1",
    port: it().hold.port,
  });
  const text = `${line}\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
  await connection.write(new TextEncoder().encode(text));
  let answer = "";
  const decoder = new TextDecoder();
  for await (const chunk of connection.readable) {
    answer += decoder.decode(chunk);
  }
  return Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 400);
}

Deno.test("requests with tricks in the path or method find nothing", async () => {
  const tricks = [
    "GET /xrpc/..%2f..%2fetc%2fpasswd HTTP/1.1",
    "GET /xrpc/../../../../etc/passwd HTTP/1.1",
    "GET //xrpc/com.atproto.repo.putRecord HTTP/1.1",
    "GET /xrpc/com.atproto.repo.putRecord%00 HTTP/1.1",
    "GET /xrpc/com.atproto.repo.putRecord/ HTTP/1.1",
    "GET /XRPC/com.atproto.sync.listRepos HTTP/1.1",
    "GET /.well-known/../secret.key HTTP/1.1",
    "GET /%2e%2e/secret.key HTTP/1.1",
    "GET /data/secret.key HTTP/1.1",
    "PUT /xrpc/com.atproto.repo.putRecord HTTP/1.1",
    "DELETE /xrpc/com.atproto.repo.deleteRecord HTTP/1.1",
    "TRACE /xrpc/_health HTTP/1.1",
    "CONNECT localhost:22 HTTP/1.1",
    "GET http://169.254.169.254/latest/meta-data HTTP/1.1",
    `GET /xrpc/${"x".repeat(20_000)} HTTP/1.1`,
    "GET /xrpc/_health HTTP/9.9",
  ];
  for (const line of tricks) {
    const status = await rawRequest(line);
    assert.ok(
      status >= 400 && status <= 505,
      `${line.slice(0, 60)}: ${status}`,
    );
    assert.notEqual(status, 500, line.slice(0, 60));
  }
  // The identity does not depend on the Host header.
  const spoofed = await fetch(`${it().hold.origin}/.well-known/did.json`, {
    headers: { "x-forwarded-host": "evil.example.com" },
  });
  assert.ok(!(await spoofed.text()).includes("evil"));
});
