import assert from "node:assert/strict";
import type { Clock } from "../../clock.ts";
import type { Key, Kv } from "../../kv/kv.ts";
import { openKv } from "../../kv/open_kv.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import { IdentityCache } from "./identity_cache.ts";

const question = { name: "alice", key: ["alice"] };

const cacheOn = (kv: Kv, clock: Clock) =>
  new IdentityCache({
    kv,
    clock,
    log: silentLogger,
    ttlMs: 3_600_000,
    staleTtlMs: 3_600_000,
    negativeTtlMs: 60_000,
  });

Deno.test("a result that arrived while the store was read is not looked up again", async () => {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const slowRead = Promise.withResolvers<void>();
  let reads = 0;
  const read = kv.get.bind(kv);
  kv.get = async <T>(key: Key) => {
    const isSecond = ++reads === 2;
    const entry = await read<T>(key);
    if (isSecond) await slowRead.promise;
    return entry;
  };
  const cache = cacheOn(kv, clock);
  let asked = 0;
  const ask = () => Promise.resolve(`answer ${++asked}`);
  try {
    const both = [cache.get(question, {}, ask), cache.get(question, {}, ask)];
    assert.equal(await both[0], "answer 1");
    slowRead.resolve();
    assert.equal(await both[1], "answer 1");
  } finally {
    kv.close();
  }
});

Deno.test("a caller that requires a current result does not take that of a lookup that began before", async () => {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const cache = cacheOn(kv, clock);
  const answers = [1, 2].map(() => Promise.withResolvers<void>());
  const began = Promise.withResolvers<void>();
  let asked = 0;
  const ask = async () => {
    const order = asked++;
    began.resolve();
    await answers[order]?.promise;
    return `answer ${order + 1}`;
  };
  const current = { fresh: true, maxAgeMs: 0 };
  try {
    const early = cache.get(question, current, ask);
    await began.promise;
    const late = cache.get(question, current, ask);
    // Long enough for the second caller to join the lookup of the first.
    await new Promise((resolve) => setTimeout(resolve, 100));
    answers.forEach(({ resolve }) => resolve());
    assert.equal(await early, "answer 1");
    assert.equal(await late, "answer 2");
  } finally {
    kv.close();
  }
});
