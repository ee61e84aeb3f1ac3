import assert from "node:assert/strict";
import { SecretBox } from "../../crypto/secret_box.ts";
import { ClientKeys } from "./client_keys.ts";
import { ManualClock } from "../../testing_clock.ts";
import { openKv } from "../../kv/open_kv.ts";

const SIGNS_AFTER_MS = 3_600_000;

const ROTATE_AFTER_MS = 90 * 86_400_000;

async function setUp() {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const box = new SecretBox(new Uint8Array(32));
  const keys = () => new ClientKeys({ kv, clock, box }).load();
  return { clock, kv, keys, [Symbol.dispose]: () => kv.close() };
}

Deno.test("instances that start together end up with one key", async () => {
  using t = await setUp();
  const sets = await Promise.all([t.keys(), t.keys(), t.keys()]);
  const ids = new Set(sets.map(({ version }) => version));
  assert.equal(ids.size, 1);
  assert.equal(sets[0]?.keys.length, 1);
});

Deno.test("published keys contain no private part", async () => {
  using t = await setUp();
  const { keys, publicKeys } = await t.keys();
  assert.ok(keys[0]?.d);
  assert.ok(!("d" in (publicKeys[0] ?? {})));
  for await (const entry of t.kv.list({ prefix: [] })) {
    assert.ok(!JSON.stringify(entry).includes(keys[0].d));
  }
});

Deno.test("a new key is published first, signs an hour later, and the old one stays", async () => {
  using t = await setUp();
  const first = (await t.keys()).keys[0]?.kid;
  t.clock.advance(ROTATE_AFTER_MS - 1000);
  assert.equal((await t.keys()).keys.length, 1);
  t.clock.advance(1000);
  const rotated = await t.keys();
  assert.equal(rotated.keys[0]?.kid, first);
  assert.equal(rotated.publicKeys.length, 2);
  t.clock.advance(SIGNS_AFTER_MS);
  const later = await t.keys();
  assert.notEqual(later.keys[0]?.kid, first);
  assert.equal(later.keys[1]?.kid, first);
  assert.notEqual(later.version, rotated.version);
});
