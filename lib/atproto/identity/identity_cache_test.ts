import assert from "node:assert/strict";
import type { Key } from "../../kv/kv.ts";
import { openKv } from "../../kv/open_kv.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import { IdentityCache } from "./identity_cache.ts";

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
  const cache = new IdentityCache({
    kv,
    clock,
    log: silentLogger,
    ttlMs: 3_600_000,
    staleTtlMs: 3_600_000,
    negativeTtlMs: 60_000,
  });
  const question = { name: "alice", key: ["alice"] };
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
