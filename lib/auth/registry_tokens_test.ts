import assert from "node:assert/strict";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { isAppError } from "../errors.ts";
import { RegistryTokens } from "./registry_tokens.ts";
import { ManualClock } from "../testing_clock.ts";

const grants = [
  {
    did: "did:plc:alicealicealicealiceal22",
    repo: "app",
    actions: ["pull", "push"],
  },
] as const;

function tokens(
  clock: ManualClock,
  key = 1,
  service = "registry.example",
  revoked = false,
) {
  return new RegistryTokens({
    clock,
    key: new Uint8Array(32).fill(key),
    service,
    ttlSeconds: 900,
    isRevoked: () => Promise.resolve(revoked),
  });
}

const alice = {
  did: "did:plc:alicealicealicealiceal22",
  credential: { kind: "device", id: "0123456789abcdef" },
} as const;

Deno.test("a token identifies its holder and what it allows", async () => {
  const clock = new ManualClock();
  const issuer = tokens(clock);
  const { token } = await issuer.issue(alice, grants);
  const claims = await tokens(clock).verify(token);
  assert.equal(claims.did, "did:plc:alicealicealicealiceal22");
  assert.deepEqual(claims.credential, alice.credential);
  assert.deepEqual(claims.grants, grants);
});

Deno.test("a token says what the catalog may list, if requested", async () => {
  const issuer = tokens(new ManualClock());
  for (const catalog of [undefined, [], ["team/*", "app"]]) {
    const { token } = await issuer.issue(alice, grants, catalog);
    assert.deepEqual((await issuer.verify(token)).catalog, catalog);
  }
});

Deno.test("a token issued without login has no owner", async () => {
  const clock = new ManualClock();
  const { token } = await tokens(clock).issue(undefined, []);
  assert.equal((await tokens(clock).verify(token)).did, undefined);
});

Deno.test("a token expires, even when its signature is cached", async () => {
  const clock = new ManualClock();
  const issuer = tokens(clock);
  const { token } = await issuer.issue(alice, grants);
  await issuer.verify(token);
  clock.advance(899_000);
  await issuer.verify(token);
  clock.advance(2_000);
  await assert.rejects(
    issuer.verify(token),
    (e) => isAppError(e, "UNAUTHORIZED") && /expired/.test(e.message),
  );
});

Deno.test("tokens of another key, registry or type are refused", async () => {
  const clock = new ManualClock();
  const { token } = await tokens(clock).issue(alice, grants);
  const [head, body, signature] = token.split(".");
  const refused = [
    (await tokens(clock, 2).issue(alice, grants)).token,
    (await tokens(clock, 1, "other.example").issue(alice, [])).token,
    `${head}.${body}.`,
    `${btoa('{"alg":"none"}')}.${body}.${signature}`,
    `${head}.${body?.slice(1)}.${signature}`,
    "",
    "not a token",
  ];
  for (const bad of refused) {
    await assert.rejects(
      tokens(clock).verify(bad),
      (e) => isAppError(e, "UNAUTHORIZED"),
      bad,
    );
  }
});

Deno.test("a token with a revoked credential is refused although its signature is valid", async () => {
  const clock = new ManualClock();
  const { token } = await tokens(clock).issue(alice, grants);
  await assert.rejects(
    tokens(clock, 1, "registry.example", true).verify(token),
    (e) => isAppError(e, "UNAUTHORIZED") && /revoked/.test(e.message),
  );
});

Deno.test("a token has the type and the whole seconds that clients read", async () => {
  const clock = new ManualClock();
  clock.advance(437);
  const { token } = await tokens(clock).issue(alice, grants);
  const header = decodeProtectedHeader(token);
  const { iat, exp } = decodeJwt(token);
  assert.equal(header.typ, "JWT");
  assert.equal(iat, Math.floor(clock.now() / 1000));
  assert.equal(exp, Math.floor(clock.now() / 1000) + 900);
});

Deno.test("a token keeps the fraction of the login's time", async () => {
  const clock = new ManualClock();
  clock.advance(437);
  const issuer = tokens(clock);
  const now = await issuer.issue(alice, grants);
  const earlier = await issuer.issue(alice, grants, undefined, 1000.25);
  assert.equal((await issuer.verify(now.token)).loginAt, clock.now() / 1000);
  assert.equal((await issuer.verify(earlier.token)).loginAt, 1000.25);
});
