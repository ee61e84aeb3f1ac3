/** Forged and stolen service tokens: all are refused, and nothing changes. */

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { attackedHold, INITIATE } from "../support/attacked_hold.ts";
import { encode } from "../support/forger.ts";
import { digestOf } from "../support/oci.ts";
import { freePort } from "../tools/ports.ts";

const it = attackedHold();

/** Starts an upload with the given Authorization header. */
const initiate = (authorization: string | undefined) =>
  it().send(INITIATE, {
    input: { digest: digestOf(new Uint8Array(1)) },
    headers: authorization === undefined ? {} : { authorization },
  });
const bearer = (token: string) => initiate(`Bearer ${token}`);
/** A token of mallory that is valid except for some claims. */
const claiming = async (claims: Record<string, unknown>) =>
  await bearer(await it().mallory.token(it().aud, INITIATE, { claims }));
/** The same for its header. */
const heading = async (header: Record<string, unknown>) =>
  await bearer(await it().mallory.token(it().aud, INITIATE, { header }));
const seconds = () => Math.floor(Date.now() / 1000);

/** Replaces parts of a valid token of mallory: header, claims, signature. */
async function recut(
  change: (parts: [string, string, string]) => string | Promise<string>,
) {
  const token = await it().mallory.token(it().aud, INITIATE);
  const [header = "", claims = "", signature = ""] = token.split(".");
  return await bearer(await change([header, claims, signature]));
}

Deno.test("forged service tokens are refused", async () => {
  const session = await fetch(
    `${it().sandbox.pds}/xrpc/com.atproto.server.createSession`,
    {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        identifier: it().sandbox.alice.handle,
        password: it().sandbox.alice.password,
      }),
    },
  );
  const { accessJwt, refreshJwt } = await session.json();
  const closed = freePort();
  const { aud, hold, assertRefused } = it();
  await assertRefused([
    ["no Authorization", () => initiate(undefined), 401],
    ["an empty one", () => initiate(""), 401],
    ["a scheme alone", () => initiate("Bearer"), 401],
    ["Basic", () => initiate(`Basic ${btoa("alice:password")}`), 401],
    ["a DPoP token", async () => {
      return await initiate(
        `DPoP ${await it().mallory.token(it().aud, INITIATE)}`,
      );
    }, 401],
    ["two tokens at once", async () => {
      const token = await it().mallory.token(it().aud, INITIATE);
      return await initiate(`Bearer ${token}, Bearer ${token}`);
    }, 401],
    ["no JWT", () => bearer("token"), 401],
    ["two parts", () => recut(([h, c]) => `${h}.${c}`), 401],
    ["four parts", () => recut((parts) => [...parts, "x"].join(".")), 401],
    ["an empty signature", () => recut(([h, c]) => `${h}.${c}.`), 401],
    [
      "a header that is no JSON",
      () => recut(([, c, s]) => `${encode("{")}.${c}.${s}`),
      401,
    ],
    [
      "a header that is a list",
      () => recut(([, c, s]) => `${encode("[]")}.${c}.${s}`),
      401,
    ],
    ["claims that are no JSON", async () => {
      const text = `${encode('{"alg":"ES256K"}')}.${encode("null")}`;
      return await bearer(`${text}.${encode(await it().mallory.sign(text))}`);
    }, 401],
    ["alg none", () => heading({ alg: "none" }), 401],
    [
      "alg none without a signature",
      () => recut(([, c]) => `${encode('{"alg":"none"}')}.${c}.`),
      401,
    ],
    ["alg HS256, keyed with the public key", () =>
      recut(([, c]) => {
        const text = `${encode('{"alg":"HS256","typ":"JWT"}')}.${c}`;
        const mac = createHmac("sha256", it().mallory.did).update(text)
          .digest();
        return `${text}.${encode(mac)}`;
      }), 401],
    ["alg ES256 for a key of ES256K", () => heading({ alg: "ES256" }), 401],
    ["an unknown alg", () => heading({ alg: "ES512" }), 401],
    ["a key of its own in the header", async () => {
      const token = await it().stranger.token(it().aud, INITIATE, {
        header: { jwk: { kty: "EC", crv: "secp256k1", x: "AA", y: "AA" } },
        claims: { iss: it().mallory.did },
      });
      return await bearer(token);
    }, 401],
    ["critical extensions", () => heading({ crit: ["exp"] }), 401],
    ["an access token's type", () => heading({ typ: "at+jwt" }), 401],
    ["another account's signature", async () => {
      const claims = { iss: it().mallory.did };
      return await bearer(
        await it().stranger.token(it().aud, INITIATE, { claims }),
      );
    }, 401],
    [
      "the captain's name, signed by another account",
      () => claiming({ iss: it().captain.did }),
      401,
    ],
    ["the hold's own name", () => claiming({ iss: aud }), 401, 502],
    ["claims changed after signing", () =>
      recut(([h, , s]) => {
        const claims = {
          iss: it().mallory.did,
          aud,
          lxm: INITIATE,
          exp: seconds() + 600,
        };
        return `${h}.${encode(JSON.stringify(claims))}.${s}`;
      }), 401],
    [
      "a cut signature",
      () => recut(([h, c, s]) => `${h}.${c}.${s.slice(0, -4)}`),
      401,
    ],
    [
      "a zero signature",
      () => recut(([h, c]) => `${h}.${c}.${encode(new Uint8Array(64))}`),
      401,
    ],
    [
      "a signature that is no base64",
      () => recut(([h, c]) => `${h}.${c}.${"*".repeat(86)}`),
      401,
    ],
    ["an expired token", () => claiming({ exp: seconds() - 1 }), 401],
    ["a token for a day", () => claiming({ exp: seconds() + 86_400 }), 401],
    ["no expiry", () => claiming({ exp: undefined }), 401],
    ["an expiry in words", () => claiming({ exp: "2099" }), 401],
    ["an endless expiry", () => claiming({ exp: 1e300 }), 401],
    [
      "a token of the future",
      () => claiming({ iat: seconds() + 600, exp: seconds() + 700 }),
      401,
    ],
    [
      "a token not valid before later",
      () => claiming({ nbf: seconds() + 600 }),
      401,
    ],
    ["no method", () => claiming({ lxm: undefined }), 401],
    ["another method", () => claiming({ lxm: "io.atcr.hold.getQuota" }), 401],
    ["all methods", () => claiming({ lxm: "*" }), 401],
    ["no audience", () => claiming({ aud: undefined }), 401],
    ["another hold", () => claiming({ aud: "did:web:other.example.com" }), 401],
    [
      "another service of this hold",
      () => claiming({ aud: `${aud}#atproto_pds` }),
      401,
    ],
    [
      "an audience that begins like ours",
      () => claiming({ aud: `${aud}0` }),
      401,
    ],
    ["a list of audiences", () => claiming({ aud: [aud] }), 401],
    ["the address for the audience", () => claiming({ aud: hold.origin }), 401],
    ["no issuer", () => claiming({ iss: undefined }), 401],
    ["a handle for the issuer", () => claiming({ iss: "alice.test" }), 401],
    [
      "a service for the issuer",
      () => claiming({ iss: `${it().mallory.did}#atcr` }),
      401,
    ],
    [
      "an unknown account",
      () => claiming({ iss: "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa" }),
      401,
    ],
    [
      "an issuer within our network",
      () => claiming({ iss: "did:web:169.254.169.254" }),
      401,
      502,
    ],
    [
      "an issuer on this machine",
      () => claiming({ iss: `did:web:localhost%3A${closed}` }),
      401,
      502,
    ],
    [
      "an issuer with a path",
      () => claiming({ iss: "did:web:example.com:..%2f..%2fetc" }),
      401,
    ],
    ["the access token of a PDS", () => bearer(accessJwt), 401],
    ["the refresh token of a PDS", () => bearer(refreshJwt), 401],
    [
      "a token of 9,000 characters",
      () => claiming({ jti: "x".repeat(9_000) }),
      401,
    ],
    [
      "a token of a megabyte",
      async () => {
        const text = await it().mallory.token(it().aud, INITIATE, {
          claims: { pad: "x".repeat(1_000_000) },
        });
        return await bearer(text).catch(() => ({ status: 431, body: {} }));
      },
      401,
      431,
    ],
    ["a token in the address", async () => {
      const token = await it().mallory.token(it().aud, INITIATE);
      return await it().send(INITIATE, {
        input: { digest: "x" },
        params: { token, access_token: token, ticket: token },
      });
    }, 401],
  ]);
});

Deno.test("a token for a non-idempotent method is valid once", async () => {
  const { aud, mallory, send } = it();
  const nsid = "io.atcr.hold.requestCrew";
  const token = await mallory.token(aud, nsid);
  const call = () => send(nsid, { token, input: {} });
  const statuses = (await Promise.all([call(), call(), call(), call()]))
    .map(({ status }) => status);
  assert.deepEqual(statuses.sort(), [200, 401, 401, 401]);
  assert.equal((await call()).status, 401);
  // Without a jti, the whole token is valid once.
  const bare = await mallory.token(aud, nsid, { claims: { jti: undefined } });
  const twice = [1, 2].map(() => send(nsid, { token: bare, input: {} }));
  const bareStatuses = (await Promise.all(twice)).map(({ status }) => status);
  assert.deepEqual(bareStatuses.sort(), [200, 401]);
});
