import assert from "node:assert/strict";
import { isAppError } from "../../errors.ts";
import { refusal, upstreamFailure } from "../../net/fetch_failure.ts";
import {
  HandleResolver,
  type HandleResolverOptions,
} from "./handle_resolver.ts";
import { type FakeAnswers, fakeFetch } from "../../net/testing_fetch.ts";
import { ManualClock } from "../../testing_clock.ts";

const handle = "alice.example.com";
const one = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const two = "did:web:alice.example.com";
const url = `https://${handle}/.well-known/atproto-did`;

function coded(code: string): Error {
  return Object.assign(new Error(code), { code });
}

function rig(
  txt: string[][] | Error | Promise<string[][]>,
  web: FakeAnswers = {},
  more: Partial<HandleResolverOptions> = {},
) {
  const clock = new ManualClock();
  const handles = new HandleResolver({
    fetch: fakeFetch(web).fetch,
    clock,
    timeoutMs: 3_000,
    resolveTxt: (name) => {
      assert.equal(name, `_atproto.${handle}`);
      return txt instanceof Error ? Promise.reject(txt) : Promise.resolve(txt);
    },
    ...more,
  });
  return { handles, clock };
}

Deno.test("the TXT record gives the DID, in pieces as DNS may send it", async () => {
  const { handles } = rig([["v=spf1"], [
    "did=did:plc:ewvi7nxzy",
    "oun6zhxrhs64oiz",
  ]]);
  assert.equal(await handles.resolve(handle), one);
});

Deno.test("the well-known file gives the DID, whatever follows its first line", async () => {
  const { handles } = rig(coded("ENOTFOUND"), {
    [url]: new Response(`${one}\r\nmore`),
  });
  assert.equal(await handles.resolve(handle), one);
});

Deno.test("where DNS and https disagree, DNS wins", async () => {
  const { handles } = rig([[`did=${two}`]], { [url]: new Response(one) });
  assert.equal(await handles.resolve(handle), two);
});

Deno.test("DNS wins even when https responds first", async () => {
  const dns = Promise.withResolvers<string[][]>();
  const { handles } = rig(dns.promise, { [url]: new Response(one) });
  const pending = handles.resolve(handle);
  await settle();
  dns.resolve([[`did=${two}`]]);
  assert.equal(await pending, two);
});

Deno.test("https is used when DNS takes a second longer", async () => {
  const { handles, clock } = rig(new Promise(() => {}), {
    [url]: new Response(one),
  });
  const pending = handles.resolve(handle);
  await settle();
  clock.advance(1_000);
  assert.equal(await pending, one);
});

Deno.test("two different DIDs in DNS count as none", async () => {
  const { handles } = rig([[`did=${one}`], [`did=${two}`]]);
  assert.equal(await handles.resolve(handle), undefined);
});

Deno.test("a handle that neither knows does not exist", async () => {
  const { handles } = rig(coded("ENODATA"));
  assert.equal(await handles.resolve(handle), undefined);
  const unknown = upstreamFailure(handle, coded("ENOTFOUND"));
  const { handles: noHost } = rig(coded("ENOTFOUND"), { [url]: unknown });
  assert.equal(await noHost.resolve(handle), undefined);
});

Deno.test("a handle whose host is inside a private network does not exist", async () => {
  const refused = refusal(new URL(url), "has no public address");
  const { handles } = rig(coded("ENOTFOUND"), { [url]: refused });
  assert.equal(await handles.resolve(handle), undefined);
});

Deno.test("a page that is not a DID is ignored", async () => {
  const { handles } = rig(coded("ENOTFOUND"), {
    [url]: new Response("<!doctype html><title>Hello</title>"),
  });
  assert.equal(await handles.resolve(handle), undefined);
});

Deno.test("a handle is not reported as unknown while DNS or https fails", async () => {
  const down = upstreamFailure(handle, coded("ECONNREFUSED"));
  const cases = [
    rig(coded("ESERVFAIL")),
    rig(coded("ENOTFOUND"), { [url]: down }),
    rig(coded("ENOTFOUND"), { [url]: new Response("", { status: 503 }) }),
  ];
  for (const { handles } of cases) {
    await assert.rejects(
      handles.resolve(handle),
      (error) => isAppError(error, "UPSTREAM_FAILED"),
    );
  }
});

Deno.test("a name server that never answers times out", async () => {
  const { handles, clock } = rig(new Promise(() => {}));
  const pending = handles.resolve(handle);
  await settle();
  clock.advance(3_000);
  await assert.rejects(pending, /DNS/);
});

Deno.test("names under .test resolve in the sandbox only", async () => {
  const api = "http://localhost:2583/xrpc/com.atproto.identity.resolveHandle";
  const sandbox = {
    [`${api}?handle=alice.test`]: { did: one },
    [`${api}?handle=nobody.test`]: Response.json(
      { error: "HandleNotFound" },
      { status: 400 },
    ),
  };
  const { handles } = rig(coded("ENOTFOUND"), sandbox, {
    sandboxPds: "http://localhost:2583",
  });
  assert.equal(await handles.resolve("alice.test"), one);
  assert.equal(await handles.resolve("nobody.test"), undefined);
  const { handles: without } = rig(coded("ENOTFOUND"), sandbox);
  assert.equal(await without.resolve("alice.test"), undefined);
});

Deno.test("names without a public domain are not queried", async () => {
  const { handles } = rig(new Error("not to be asked"));
  for (const name of ["alice.local", "alice.internal", "alice.localhost"]) {
    assert.equal(await handles.resolve(name), undefined);
  }
});

/** Lets all pending work proceed that does not wait for time. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
  await new Promise((resolve) => setTimeout(resolve, 5));
}
