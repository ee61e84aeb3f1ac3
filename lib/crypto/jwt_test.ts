import assert from "node:assert/strict";
import { decodeProtectedHeader, jwtVerify, SignJWT } from "jose";
import { signHs256 } from "./jwt.ts";

const key = new Uint8Array(32).fill(7);

const claims = {
  access: [["did:plc:alicealicealicealiceal22", "äpp", ["pull"], []]],
  login: 1_700_000_000.25,
  sub: "",
  exp: 4_000_000_000,
};

Deno.test("a signed token is what another implementation signs and verifies", async () => {
  const token = signHs256(claims, key);
  const { payload } = await jwtVerify(token, key, { algorithms: ["HS256"] });
  assert.deepEqual(payload, claims);
  assert.deepEqual(decodeProtectedHeader(token), { alg: "HS256", typ: "JWT" });
  const other = await new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .sign(key);
  assert.equal(token, other);
});

Deno.test("a token signed with another key is not verified", async () => {
  const token = signHs256(claims, new Uint8Array(32).fill(8));
  await assert.rejects(jwtVerify(token, key, { algorithms: ["HS256"] }));
});
