import assert from "node:assert/strict";
import { isAppError } from "../../errors.ts";
import { Devices } from "./devices.ts";
import { ManualClock } from "../../testing_clock.ts";
import { openKv } from "../../kv/open_kv.ts";

const MAX_DEVICES = 100;

const alice = "did:plc:alicealicealicealiceal22";
const DAY = 86_400_000;

async function setUp() {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const devices = new Devices(kv, clock);
  const make = (name = "laptop") =>
    devices.create({
      did: alice,
      name,
      kind: "device",
      permissions: [{ pattern: "*", actions: ["pull", "push"] }],
      lifetimeDays: 30,
    });
  return { clock, kv, devices, make, [Symbol.dispose]: () => kv.close() };
}

Deno.test("a secret authenticates its device and no other text does", async () => {
  using t = await setUp();
  const { device, secret } = await t.make();
  assert.match(secret, /^atcr_device_/);
  assert.equal((await t.devices.authenticate(secret))?.id, device.id);
  const last = secret.at(-1) === "A" ? "B" : "A";
  for (
    const wrong of [
      secret.slice(0, -1) + last,
      secret.slice(0, -1),
      `${secret}A`,
      `atcr_device_${device.id}_`,
      device.id,
      "",
    ]
  ) {
    assert.equal(await t.devices.authenticate(wrong), undefined, wrong);
  }
});

Deno.test("the secret is not in the store", async () => {
  using t = await setUp();
  const { secret } = await t.make();
  const random = secret.slice(-43);
  for await (const entry of t.kv.list({ prefix: [] })) {
    assert.ok(!JSON.stringify(entry).includes(random));
  }
});

Deno.test("a revoked device is invalid at once here, and within 15 seconds on another instance", async () => {
  using t = await setUp();
  const { device, secret } = await t.make();
  const elsewhere = new Devices(t.kv, t.clock);
  assert.ok(await t.devices.isAlive(device.id));
  assert.ok(await elsewhere.isAlive(device.id));
  await t.devices.revoke(alice, device.id);
  assert.ok(!await t.devices.isAlive(device.id));
  assert.equal(await elsewhere.authenticate(secret), undefined);
  t.clock.advance(15_001);
  assert.ok(!await elsewhere.isAlive(device.id));
});

Deno.test("an account cannot revoke devices of another", async () => {
  using t = await setUp();
  const { device } = await t.make();
  await assert.rejects(
    t.devices.revoke("did:plc:mallorymallorymallorymal", device.id),
    (e) => isAppError(e, "NOT_FOUND"),
  );
  assert.ok(await t.devices.isAlive(device.id));
});

Deno.test("a device expires", async () => {
  using t = await setUp();
  const { device, secret } = await t.make();
  t.clock.advance(30 * DAY - 1);
  assert.ok(await t.devices.authenticate(secret));
  t.clock.advance(20_000);
  assert.equal(await t.devices.authenticate(secret), undefined);
  assert.ok(!await t.devices.isAlive(device.id));
  assert.deepEqual(await t.devices.list(alice), []);
});

Deno.test("use is recorded to the minute and revives no revoked device", async () => {
  using t = await setUp();
  const { device, secret } = await t.make();
  assert.equal(device.lastUsedAt, undefined);
  await t.devices.authenticate(secret);
  const first = t.clock.now();
  t.clock.advance(30_000);
  await t.devices.authenticate(secret);
  assert.equal((await t.devices.list(alice))[0]?.lastUsedAt, first);
  t.clock.advance(31_000);
  await Promise.all([
    t.devices.use(device.id),
    t.devices.revoke(alice, device.id),
  ]);
  assert.equal(await t.devices.authenticate(secret), undefined);
});

Deno.test("names are one line and not empty", async () => {
  using t = await setUp();
  const { device } = await t.make(" my\r\n<b>laptop\u0000 ");
  assert.equal(device.name, "my <b>laptop");
  await assert.rejects(
    t.make(" \n "),
    (e) => isAppError(e, "INVALID_REQUEST"),
  );
});

Deno.test("an account has a limited number of devices", async () => {
  using t = await setUp();
  for (let i = 0; i < MAX_DEVICES; i++) await t.make(`laptop ${i}`);
  await assert.rejects(t.make(), (e) => isAppError(e, "DENIED"));
  assert.equal((await t.devices.list(alice)).length, MAX_DEVICES);
});
