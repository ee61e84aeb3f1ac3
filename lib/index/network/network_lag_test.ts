import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import type { JetstreamBatch } from "../../atproto/jetstream/jetstream.ts";
import { commitOf } from "../../atproto/jetstream/testing_events.ts";
import { AppError } from "../../errors.ts";
import { DenoKv } from "../../kv/deno_kv.ts";
import { ManualClock } from "../../testing_clock.ts";
import { NetworkLag } from "./network_lag.ts";

const ALICE: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const MINUTE = 60_000;

/** Instances by the same clock and store. */
async function setUp() {
  const clock = new ManualClock();
  const kv = new DenoKv(await Deno.openKv(":memory:"), clock);
  const instance = () => new NetworkLag({ kv, clock });
  return {
    clock,
    instance,
    /** A connection of `lag` that fails at once. */
    fail: async (lag: NetworkLag) => {
      const failing = async function* (): AsyncGenerator<JetstreamBatch> {
        yield await Promise.reject(new AppError("UPSTREAM_FAILED", "Gone."));
      };
      await assert.rejects(async () => {
        for await (const _ of lag.watch(failing()));
      }, /Gone/);
    },
    /** `lag` takes an event of `ageMs` ago, on a new connection. */
    take: async (lag: NetworkLag, ageMs = 0) => {
      const events = [commitOf(ALICE, (clock.now() - ageMs) * 1000)];
      const sending = async function* (): AsyncGenerator<JetstreamBatch> {
        yield await Promise.resolve({ events, ignored: 0 });
      };
      for await (const batch of lag.watch(sending())) await lag.taken(batch);
    },
    [Symbol.dispose]: () => kv.close(),
  };
}

Deno.test("a stream that fails for half a minute is silent for all instances, since its first failure", async () => {
  using net = await setUp();
  const { clock } = net;
  const [one, two] = [net.instance(), net.instance()];
  await net.take(one);
  const since = clock.now();
  await net.fail(one);
  assert.equal(await two.now(), undefined);
  clock.advance(20_000);
  // The other one has tried as well.
  await net.fail(two);
  assert.equal(await two.now(), undefined);
  clock.advance(20_000);
  for (const lag of [one, two, net.instance()]) {
    assert.deepEqual(await lag.now(), { kind: "silent", since });
  }
});

Deno.test("an event ends the silence, also that which another instance has noted", async () => {
  using net = await setUp();
  const { clock } = net;
  const [one, two] = [net.instance(), net.instance()];
  await net.take(two);
  await net.fail(one);
  clock.advance(MINUTE);
  await net.fail(one);
  assert.equal((await one.now())?.kind, "silent");
  await net.take(two);
  clock.advance(6_000);
  assert.equal(await one.now(), undefined);
});

Deno.test("a failure that is not repeated is forgotten: a quiet stream has no events", async () => {
  using net = await setUp();
  const lag = net.instance();
  await net.fail(lag);
  net.clock.advance(2 * MINUTE);
  assert.equal((await lag.now())?.kind, "silent");
  net.clock.advance(2 * MINUTE);
  assert.equal(await lag.now(), undefined);
  const since = net.clock.now();
  await net.fail(lag);
  net.clock.advance(MINUTE);
  assert.deepEqual(await lag.now(), { kind: "silent", since });
});

Deno.test("events of some time ago are behind, until the newest are read", async () => {
  using net = await setUp();
  const { clock } = net;
  const [one, two] = [net.instance(), net.instance()];
  await net.take(one, MINUTE);
  assert.equal(await two.now(), undefined, "a connection starts a little back");
  clock.advance(6_000);
  const since = clock.now() - 60 * MINUTE;
  await net.take(one, 60 * MINUTE);
  assert.deepEqual(await two.now(), { kind: "behind", since });
  clock.advance(6_000);
  await net.take(one, 1_000);
  assert.equal(await two.now(), undefined);
});
