import assert from "node:assert/strict";
import { isAppError } from "../../errors.ts";
import { RateLimiter } from "../../kv/rate_limit.ts";
import { DeviceCodes } from "./device_codes.ts";
import { Devices } from "./devices.ts";
import { DEFAULT_PERMISSIONS } from "../permissions.ts";
import { hashSecret } from "../secrets.ts";
import { parseUserCode, randomUserCode, showUserCode } from "./user_code.ts";
import { ManualClock } from "../../testing_clock.ts";
import { openKv } from "../../kv/open_kv.ts";

const MAX_DEVICES = 100;

const alice = "did:plc:alicealicealicealiceal22";
const here = "192.0.2.1";
const granted = { permissions: DEFAULT_PERMISSIONS, lifetimeDays: 90 };

async function setUp() {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const devices = new Devices(kv, clock);
  const limits = new RateLimiter(kv, clock);
  const codes = new DeviceCodes({
    kv,
    clock,
    devices,
    limits,
    hashUserCode: (code) => hashSecret(`key ${code}`),
  });
  const start = (address = "198.51.100.7") =>
    codes.start({
      name: "build server",
      permissions: DEFAULT_PERMISSIONS,
      address,
      agent: "helper/1.0",
    });
  return {
    clock,
    kv,
    devices,
    codes,
    start,
    [Symbol.dispose]: () => kv.close(),
  };
}

Deno.test("a program gets its secret once its owner has approved the code", async () => {
  using t = await setUp();
  const { deviceCode, userCode } = await t.start();
  assert.equal((await t.codes.poll(deviceCode)).kind, "pending");
  const seen = await t.codes.find(showUserCode(userCode), alice, here);
  assert.equal(seen.name, "build server");
  assert.equal(seen.address, "198.51.100.7");
  await t.codes.approve(userCode, alice, here, granted);
  const result = await t.codes.poll(deviceCode);
  assert.ok(result.kind === "approved");
  assert.equal(result.device.did, alice);
  assert.equal(
    (await t.devices.authenticate(result.secret))?.id,
    result.device.id,
  );
});

Deno.test("a device code gives one secret, also to two programs at once", async () => {
  using t = await setUp();
  const { deviceCode, userCode } = await t.start();
  await t.codes.approve(userCode, alice, here, granted);
  const results = await Promise.all(
    Array.from({ length: 5 }, () => t.codes.poll(deviceCode)),
  );
  const kinds = results.map(({ kind }) => kind).sort();
  assert.deepEqual(kinds, ["approved", ...Array(4).fill("unknown")]);
  assert.equal((await t.codes.poll(deviceCode)).kind, "unknown");
  assert.equal((await t.devices.list(alice)).length, 1);
});

Deno.test("a program that polls too often gets slow_down, with a growing interval", async () => {
  using t = await setUp();
  const { deviceCode } = await t.start();
  const poll = () => t.codes.poll(deviceCode);
  assert.deepEqual(await poll(), { kind: "pending", pollSeconds: 5 });
  t.clock.advance(1_000);
  assert.deepEqual(await poll(), { kind: "slow_down", pollSeconds: 10 });
  t.clock.advance(6_000);
  assert.deepEqual(await poll(), { kind: "slow_down", pollSeconds: 15 });
  t.clock.advance(15_000);
  assert.deepEqual(await poll(), { kind: "pending", pollSeconds: 15 });
});

Deno.test("a denied code gives nothing and cannot be approved afterwards", async () => {
  using t = await setUp();
  const { deviceCode, userCode } = await t.start();
  await t.codes.deny(userCode, alice, here);
  assert.equal((await t.codes.poll(deviceCode)).kind, "denied");
  await assert.rejects(
    t.codes.approve(userCode, alice, here, granted),
    (e) => isAppError(e, "NOT_FOUND"),
  );
  assert.equal((await t.codes.poll(deviceCode)).kind, "denied");
});

Deno.test("an expired code returns expired_token and cannot be approved", async () => {
  using t = await setUp();
  const { deviceCode, userCode } = await t.start();
  t.clock.advance(600_001);
  assert.equal((await t.codes.poll(deviceCode)).kind, "expired");
  await assert.rejects(
    t.codes.approve(userCode, alice, here, granted),
    (e) => isAppError(e, "NOT_FOUND"),
  );
});

Deno.test("of two decisions on one code only the first counts", async () => {
  using t = await setUp();
  const { deviceCode, userCode } = await t.start();
  await t.codes.approve(userCode, alice, here, granted);
  await assert.rejects(
    t.codes.approve(
      userCode,
      "did:plc:mallorymallorymallorymal",
      here,
      granted,
    ),
    (e) => isAppError(e, "NOT_FOUND"),
  );
  const result = await t.codes.poll(deviceCode);
  assert.ok(result.kind === "approved" && result.device.did === alice);
});

Deno.test("guessing user codes ends after ten attempts of an account, right codes included", async () => {
  using t = await setUp();
  const { userCode } = await t.start();
  for (let i = 0; i < 10; i++) {
    await assert.rejects(
      t.codes.find(randomUserCode(), alice, `192.0.2.${i}`),
      (e) => isAppError(e, "NOT_FOUND"),
    );
  }
  await assert.rejects(
    t.codes.find(userCode, alice, "192.0.2.99"),
    (e) => isAppError(e, "TOOMANYREQUESTS") && (e.retryAfterSeconds ?? 0) > 0,
  );
  t.clock.advance(900_000);
  const fresh = await t.start();
  assert.ok(await t.codes.find(fresh.userCode, alice, here));
});

Deno.test("guessing user codes ends after ten attempts of an address, with any account", async () => {
  using t = await setUp();
  for (let i = 0; i < 10; i++) {
    await assert.rejects(
      t.codes.find(randomUserCode(), `did:plc:robot${i}`, here),
      (e) => isAppError(e, "NOT_FOUND"),
    );
  }
  await assert.rejects(
    t.codes.find(randomUserCode(), "did:plc:robotrobotrobotrobotrob2", here),
    (e) => isAppError(e, "TOOMANYREQUESTS"),
  );
});

Deno.test("an address cannot fill the store with codes", async () => {
  using t = await setUp();
  for (let i = 0; i < 30; i++) await t.start();
  await assert.rejects(t.start(), (e) => isAppError(e, "TOOMANYREQUESTS"));
  await t.start("198.51.100.8");
});

Deno.test("neither code is stored in plain text", async () => {
  using t = await setUp();
  const { deviceCode, userCode } = await t.start();
  let entries = 0;
  for await (const entry of t.kv.list({ prefix: [] })) {
    const text = JSON.stringify(entry);
    assert.ok(!text.includes(deviceCode) && !text.includes(userCode));
    entries++;
  }
  assert.ok(entries >= 2);
});

Deno.test("user codes are accepted in any case and spacing, and contain no look-alikes", () => {
  for (let i = 0; i < 200; i++) {
    const code = randomUserCode();
    assert.match(code, /^[BCDFGHJKLMNPQRSTVWXZ]{8}$/);
    assert.equal(parseUserCode(showUserCode(code)), code);
    assert.equal(parseUserCode(` ${code.toLowerCase()}\n`), code);
    assert.equal(parseUserCode([...code].join(" ")), code);
  }
  for (
    const wrong of ["", "ABCD-EFGH", "BCDF-GHJ", "BCDFGHJKL", "1".repeat(9)]
  ) {
    assert.equal(parseUserCode(wrong), undefined, wrong);
  }
});

Deno.test("parallel guesses of codes get no more attempts than sequential ones", async () => {
  using t = await setUp();
  const { userCode } = await t.start();
  const guesses = Array.from({ length: 100 }, () => randomUserCode());
  const results = await Promise.allSettled(
    [...guesses, userCode].map((code) => t.codes.find(code, alice, here)),
  );
  const unknown = results.filter((result) =>
    result.status === "rejected" && isAppError(result.reason, "NOT_FOUND")
  );
  assert.equal(unknown.length, 10);
  assert.equal(results.at(-1)?.status, "rejected");
});

Deno.test("valid codes can be looked up any number of times", async () => {
  using t = await setUp();
  const { userCode } = await t.start();
  for (let i = 0; i < 30; i++) await t.codes.find(userCode, alice, here);
});

Deno.test("devices created concurrently do not exceed the limit of the account", async () => {
  using t = await setUp();
  const wanted = {
    did: alice,
    name: "x",
    kind: "token",
    permissions: DEFAULT_PERMISSIONS,
    lifetimeDays: 30,
  } as const;
  for (let i = 0; i < MAX_DEVICES - 2; i++) await t.devices.create(wanted);
  const deviceCodes: string[] = [];
  for (let i = 0; i < 5; i++) {
    const { deviceCode, userCode } = await t.start();
    await t.codes.approve(userCode, alice, here, granted);
    deviceCodes.push(deviceCode);
  }
  const results = await Promise.allSettled([
    ...deviceCodes.map((code) => t.codes.poll(code)),
    ...Array.from({ length: 5 }, () => t.devices.create(wanted)),
  ]);
  const made = results.filter(({ status }) => status === "fulfilled");
  assert.equal(made.length, 2);
  for (const result of results) {
    if (result.status === "rejected") {
      assert(isAppError(result.reason, "DENIED"));
    }
  }
  assert.equal((await t.devices.list(alice)).length, MAX_DEVICES);
});

Deno.test("a code created by a fast clock has expired once that is set back", async () => {
  using t = await setUp();
  t.clock.advance(86_400_000);
  const { deviceCode, userCode } = await t.start();
  t.clock.setBack(86_400_000);
  assert.equal((await t.codes.poll(deviceCode)).kind, "expired");
  await assert.rejects(
    t.codes.find(userCode, alice, here),
    (e) => isAppError(e, "NOT_FOUND"),
  );
});
