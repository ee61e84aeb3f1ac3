import assert from "node:assert/strict";
import { decodeJwt, SignJWT } from "jose";
import { isAppError } from "../errors.ts";
import { ManualClock } from "../testing_clock.ts";
import { RefreshTokens } from "./refresh_tokens.ts";

const did = "did:plc:alicealicealicealiceal22";
const key = new Uint8Array(32).fill(1);
const service = "registry.example";
const credential = { kind: "password" } as const;

Deno.test("a refresh token keeps the fraction of the login's time beside whole seconds", async () => {
  const clock = new ManualClock();
  clock.advance(437);
  const tokens = new RefreshTokens({ clock, key, service });
  const token = await tokens.issue(did, credential);
  const { iat, exp } = decodeJwt(token);
  assert.ok(Number.isInteger(iat) && Number.isInteger(exp));
  assert.equal((await tokens.read(token)).loginAt, clock.now() / 1000);
});

Deno.test("a refresh token of an earlier version keeps the time of its login", async () => {
  const clock = new ManualClock();
  const now = clock.now() / 1000;
  const token = await new SignJWT({ cred: "password" })
    .setProtectedHeader({ alg: "HS256", typ: "refresh+jwt" })
    .setIssuer(service)
    .setAudience(`${service}/auth/token`)
    .setSubject(did)
    .setIssuedAt(now - 100.25)
    .setExpirationTime(now + 86_400)
    .sign(key);
  const claims = await new RefreshTokens({ clock, key, service }).read(token);
  assert.equal(claims.loginAt, now - 100.25);
});

Deno.test("a refresh token that was issued by a fast clock is refused once the clock is set back", async () => {
  const clock = new ManualClock();
  const tokens = new RefreshTokens({ clock, key, service });
  clock.advance(9_000);
  const nearly = await tokens.issue(did, credential);
  clock.advance(30 * 86_400_000);
  const ahead = await tokens.issue(did, credential);
  clock.setBack(30 * 86_400_000 + 9_000);
  await assert.rejects(
    tokens.read(ahead),
    (error) => isAppError(error, "UNAUTHORIZED"),
  );
  // Clocks of two machines may differ by some seconds.
  await tokens.read(nearly);
});
