/** Blobs of remote holds: looked up, redirected and read, whatever the hold responds. */

import assert from "node:assert/strict";
import { fakeFetch } from "../../net/testing_fetch.ts";
import { isAppError } from "../../errors.ts";
import { ALICE, BOB, CAPTAIN, noise } from "../../hold/testing.ts";
import {
  digest,
  openPair,
  openRemote,
  ORIGIN,
  push,
} from "./testing_remote.ts";

Deno.test("a private hold serves no blobs without login", async () => {
  await using pair = await openPair();
  const { hold } = pair;
  const bytes = noise(10);
  const name = digest(bytes);
  await push(hold, CAPTAIN, [bytes], name);
  assert.equal(await hold.stat(undefined, name), undefined);
  assert.equal(await hold.open(undefined, name), undefined);
  assert.equal(await hold.locate(BOB, name), undefined);
  const url = await hold.locate(CAPTAIN, name);
  assert.ok(url);
  const answer = await pair.server.send(url.slice(`${ORIGIN}/xrpc/`.length));
  assert.deepEqual(new Uint8Array(await answer.arrayBuffer()), bytes);
});

Deno.test("holds that return a URL, as JSON or as redirect, are supported", async () => {
  const bytes = noise(100);
  const name = digest(bytes);
  const url = "https://s3.example.com/blob?sig=1";
  const stored = (request: Request) => {
    assert.equal(request.headers.get("authorization"), null);
    const range = /bytes=(\d+)-(\d+)/.exec(request.headers.get("range") ?? "");
    if (!range) {
      return new Response(bytes, { headers: { "content-length": "100" } });
    }
    const [, start, end] = range.map(Number);
    return new Response(bytes.slice(start, Number(end) + 1), {
      status: 206,
      headers: { "content-range": `bytes ${start}-${end}/100` },
    });
  };
  const answers = [
    () => Response.json({ url }),
    () => new Response(null, { status: 307, headers: { location: url } }),
  ];
  for (const answer of answers) {
    const { fetch } = fakeFetch({
      [`${ORIGIN}/xrpc/com.atproto.sync.getBlob`]: (request: Request) =>
        request.method === "HEAD"
          ? new Response(null, { status: 405 })
          : answer(),
      "https://s3.example.com/blob": stored,
    });
    using remote = await openRemote(fetch);
    const { hold } = remote;
    assert.deepEqual(await hold.stat(ALICE, name), { size: 100 });
    assert.equal(await hold.locate(ALICE, name), url);
    const part = await hold.open(ALICE, name, { start: 5, end: 9 });
    const five = await new Response(part?.body ?? null).arrayBuffer();
    assert.deepEqual(new Uint8Array(five), bytes.slice(5, 10));
  }
});

Deno.test("many blobs are looked up at the hold, not in the cache", async () => {
  const [kept, purged] = [digest(noise(10)), digest(noise(20))];
  let there = [kept, purged];
  const { fetch } = fakeFetch({
    [`${ORIGIN}/xrpc/com.atproto.sync.getBlob`]: (request: Request) =>
      there.some((each) => request.url.includes(encodeURIComponent(each)))
        ? new Response(null, { headers: { "content-length": "10" } })
        : new Response(null, { status: 404 }),
  });
  using remote = await openRemote(fetch);
  const { hold } = remote;
  assert.deepEqual(await hold.statMany(ALICE, [kept, purged]), [10, 10]);
  assert.deepEqual(await hold.stat(ALICE, purged), { size: 10 });
  there = [kept];
  assert.deepEqual(await hold.statMany(ALICE, [purged, kept]), [undefined, 10]);
  assert.equal(await hold.stat(ALICE, purged), undefined);
});

Deno.test("a server without a hold is queried once for many readers", async () => {
  let asked = 0;
  const { fetch } = fakeFetch({
    [`${ORIGIN}/xrpc/com.atproto.repo.getRecord`]: () => {
      asked++;
      return new Response("{}", { status: 500 });
    },
  });
  using remote = await openRemote(fetch);
  for (let i = 0; i < 20; i++) {
    await assert.rejects(
      remote.hold.mayRead(undefined),
      (error) => isAppError(error, "UPSTREAM_FAILED"),
    );
  }
  assert.equal(asked, 1);
});

Deno.test("an invalid size counts as missing", async () => {
  for (const length of ["1e3", "0x10", "99999999999999999999"]) {
    const { fetch } = fakeFetch({
      [`${ORIGIN}/xrpc/com.atproto.sync.getBlob`]: () =>
        new Response(null, { headers: { "content-length": length } }),
    });
    using remote = await openRemote(fetch);
    await assert.rejects(
      remote.hold.stat(ALICE, digest(noise(2))),
      (error) => isAppError(error, "UPSTREAM_FAILED"),
    );
  }
});

Deno.test("a failure without a body is no empty blob", async () => {
  const empty = { headers: { "content-length": "0" } };
  for (const status of [404, 416, 429, 500, 503]) {
    const { fetch } = fakeFetch({
      [`${ORIGIN}/xrpc/com.atproto.sync.getBlob`]: (request: Request) =>
        request.method === "HEAD"
          ? new Response(null, { ...empty, status: 405 })
          : new Response("", { ...empty, status }),
    });
    using remote = await openRemote(fetch);
    const { hold } = remote;
    const name = digest(noise(2));
    const found = await hold.statMany(ALICE, [name]).catch(() => [undefined]);
    assert.deepEqual(found, [undefined], `${status}`);
    const opened = await hold.open(ALICE, name).catch(() => undefined);
    assert.equal(opened, undefined, `${status}`);
  }
});

Deno.test("an empty blob is found at a hold that refuses its first byte", async () => {
  const { fetch } = fakeFetch({
    [`${ORIGIN}/xrpc/com.atproto.sync.getBlob`]: (request: Request) =>
      request.method === "HEAD"
        ? new Response(null, { status: 405 })
        : new Response("", {
          status: 416,
          headers: { "content-range": "bytes */0" },
        }),
  });
  using remote = await openRemote(fetch);
  const name = digest(new Uint8Array(0));
  assert.deepEqual(await remote.hold.statMany(ALICE, [name]), [0]);
});

Deno.test("the URL of a blob is read up to a limit, however much the hold sends", async () => {
  let sent = 0;
  let stopped = 0;
  const endless = () =>
    new ReadableStream<Uint8Array>({
      pull(controller) {
        sent++;
        controller.enqueue(new Uint8Array(16 * 1024).fill(0x20));
        if (sent > 1_000) controller.close();
      },
      cancel() {
        stopped++;
      },
    });
  const { fetch } = fakeFetch({
    [`${ORIGIN}/xrpc/com.atproto.sync.getBlob`]: (request: Request) =>
      request.method === "HEAD"
        ? new Response(null, { status: 405 })
        : new Response(endless(), {
          headers: { "content-type": "application/json" },
        }),
  });
  using remote = await openRemote(fetch);
  const { hold } = remote;
  const name = digest(noise(2));
  const fault = (error: unknown) => isAppError(error, "UPSTREAM_FAILED");
  await assert.rejects(hold.open(ALICE, name), fault);
  await assert.rejects(hold.locate(ALICE, name), fault);
  await assert.rejects(hold.stat(ALICE, name), fault);
  assert.equal(stopped, 3);
  assert.ok(sent < 30, `${sent}`);
});
