import assert from "node:assert/strict";
import fc from "fast-check";
import { parseDid } from "../../did.ts";
import { isAppError } from "../../errors.ts";
import { DidResolver } from "./did_resolver.ts";
import { fakeFetch } from "../../net/testing_fetch.ts";

const alice = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const document = { id: alice, alsoKnownAs: ["at://alice.example.com"] };

function resolver(answers: Record<string, unknown>) {
  const { fetch, asked } = fakeFetch(answers);
  const dids = new DidResolver({
    fetch,
    plcDirectories: ["http://localhost:2582", "https://plc.example"],
    timeoutMs: 1000,
  });
  return { dids, asked };
}

Deno.test("no directory is queried after the first that knows a did:plc", async () => {
  const { dids, asked } = resolver({
    [`http://localhost:2582/${alice}`]: document,
  });
  assert.equal((await dids.resolve(alice))?.handle, "alice.example.com");
  assert.deepEqual(asked, [`http://localhost:2582/${alice}`]);
});

Deno.test("a DID that one directory does not know is looked up in the next", async () => {
  const { dids } = resolver({ [`https://plc.example/${alice}`]: document });
  assert.equal((await dids.resolve(alice))?.did, alice);
});

Deno.test("a DID that no directory knows does not exist", async () => {
  const { dids, asked } = resolver({});
  assert.equal(await dids.resolve(alice), undefined);
  assert.equal(asked.length, 2);
});

Deno.test("a DID is not reported as unknown while a directory is unreachable", async () => {
  const { dids } = resolver({
    [`http://localhost:2582/${alice}`]: new Response("", { status: 500 }),
  });
  await assert.rejects(
    dids.resolve(alice),
    (error) => isAppError(error, "UPSTREAM_FAILED"),
  );
});

Deno.test("a document of another DID is an error of the server", async () => {
  const { dids } = resolver({
    [`http://localhost:2582/${alice}`]: { id: "did:web:evil.example" },
  });
  await assert.rejects(dids.resolve(alice), /did not answer with the DID/);
});

Deno.test("a did:web is resolved at its own host", async () => {
  const { dids, asked } = resolver({
    "https://hold.example.com/.well-known/did.json": {
      id: "did:web:hold.example.com",
    },
    "http://localhost:5000/.well-known/did.json": {
      id: "did:web:localhost%3A5000",
    },
  });
  assert.ok(await dids.resolve("did:web:hold.example.com"));
  assert.ok(await dids.resolve("did:web:localhost%3A5000"));
  assert.equal(asked.length, 2);
});

Deno.test("a DID has one spelling", () => {
  assert.equal(parseDid(alice), alice);
  assert.equal(
    parseDid("did:web:Hold.Example.COM"),
    "did:web:hold.example.com",
  );
  assert.equal(parseDid("did:web:localhost:5000"), "did:web:localhost%3A5000");
  assert.equal(
    parseDid("did:web:localhost%3a5000"),
    "did:web:localhost%3A5000",
  );
  assert.equal(parseDid("did:web:localhost"), "did:web:localhost");
  assert.equal(
    parseDid("did:web:127.0.0.1:5000"),
    "did:web:127.0.0.1%3A5000",
  );
});

for (
  const text of [
    "did:plc:EWVI7NXZYOUN6ZHXRHS64OIZ",
    "did:plc:short",
    "did:web:hold.example.com:path",
    "did:web:hold.example.com%3A8443",
    "did:web:hold",
    "did:web:localhost%3A99999",
    "did:web:localhost%3A5000:x",
    "did:key:zQ3shunBKsXixLxKtC5qeSG9E4J5RkGN57im31pcTzbNQnm5w",
    "did:web:a..b",
    `did:web:${"a.".repeat(126)}bc`,
    "did:web:a.b/../c",
    " did:web:a.b",
  ]
) {
  Deno.test(`${text} is not a DID of the network`, () => {
    assert.equal(parseDid(text), undefined);
  });
}

Deno.test("parsing a DID twice changes nothing, and never throws", () => {
  const parts = fc.constantFrom(
    "did:web:",
    "did:plc:",
    "localhost",
    "%3A",
    ":",
    "5000",
    "A.b",
    "/",
    "#",
  );
  fc.assert(fc.property(fc.array(parts, { maxLength: 6 }), (pieces) => {
    const did = parseDid(pieces.join(""));
    if (did !== undefined) assert.equal(parseDid(did), did);
  }));
});
