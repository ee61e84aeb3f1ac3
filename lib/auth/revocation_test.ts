import assert from "node:assert/strict";
import { isAppError } from "../errors.ts";
import { Devices } from "./devices/devices.ts";
import { Revocations } from "./revocation.ts";
import { ALICE, setUp } from "./testing_credentials.ts";

Deno.test("revoking the password logins ends tokens issued before, and none issued after", async () => {
  using t = await setUp();
  const credential = { kind: "password" } as const;
  const refresh = await t.refreshTokens.issue(ALICE, credential);
  const { token } = await t.tokens.issue({ did: ALICE, credential }, []);
  const other = await t.tokens.issue(
    { did: "did:plc:bobbobbobbobbobbobbobbo2", credential },
    [],
  );
  await t.chain.verifyRefreshToken(refresh);
  await t.tokens.verify(token);
  t.clock.advance(5);
  await t.revocations.revokePasswordLogins(ALICE);
  await assert.rejects(t.chain.verifyRefreshToken(refresh), /revoked/);
  await assert.rejects(t.tokens.verify(token), /revoked/);
  await t.tokens.verify(other.token);
  t.clock.advance(5);
  const again = await t.tokens.issue({ did: ALICE, credential }, []);
  await t.tokens.verify(again.token);
});

Deno.test("new logins are valid after a revocation by a fast clock, and revoked ones stay revoked", async () => {
  using t = await setUp();
  const day = 86_400_000;
  const credential = { kind: "password" } as const;
  const before = await t.refreshTokens.issue(ALICE, credential);
  t.clock.advance(day);
  const ahead = await t.refreshTokens.issue(ALICE, credential);
  await t.revocations.revokePasswordLogins(ALICE);
  t.clock.setBack(day);
  const loginAt = await t.revocations.issueTime(ALICE);
  const again = await t.refreshTokens.issue(
    ALICE,
    credential,
    undefined,
    loginAt,
  );
  const { token } = await t.tokens.issue(
    { did: ALICE, credential },
    [],
    undefined,
    loginAt,
  );
  for (let i = 0; i < 3; i++) {
    await t.chain.verifyRefreshToken(again);
    await assert.rejects(t.chain.verifyRefreshToken(before), /revoked/);
    await assert.rejects(
      t.chain.verifyRefreshToken(ahead),
      i === 0 ? /expired/ : /revoked/,
    );
    if (i === 0) await t.tokens.verify(token);
    t.clock.advance(day);
  }
});

Deno.test("setting the clock back revives no revoked device and extends no registry token", async () => {
  using t = await setUp();
  const day = 86_400_000;
  const credential = { kind: "device", id: t.device.id } as const;
  t.clock.advance(day);
  const elsewhere = new Devices(t.kv, t.clock);
  assert.ok(await elsewhere.isAlive(t.device.id));
  const { token } = await t.tokens.issue({ did: ALICE, credential }, []);
  await t.tokens.verify(token);
  t.clock.setBack(day);
  await assert.rejects(
    t.tokens.verify(token),
    (e) => isAppError(e, "UNAUTHORIZED"),
  );
  await t.devices.revoke(ALICE, t.device.id);
  assert.ok(!await elsewhere.isAlive(t.device.id));
});

Deno.test("a token of a revoked device is refused within a minute on every instance", async () => {
  using t = await setUp();
  const credential = { kind: "device", id: t.device.id } as const;
  const { token } = await t.tokens.issue({ did: ALICE, credential }, []);
  const elsewhere = new Revocations({
    kv: t.kv,
    clock: t.clock,
    devices: new Devices(t.kv, t.clock),
  });
  const claims = await t.tokens.verify(token);
  assert.ok(!await elsewhere.isRevoked(claims));
  await t.devices.revoke(ALICE, t.device.id);
  await assert.rejects(t.tokens.verify(token), /revoked/);
  t.clock.advance(60_000);
  assert.ok(await elsewhere.isRevoked(claims));
});
