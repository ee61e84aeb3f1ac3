import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { openKv } from "../../kv/open_kv.ts";
import { ManualClock } from "../../testing_clock.ts";
import { StorageGrowth } from "./storage_growth.ts";
import { UNWATCHED } from "../testing_watch.ts";

const HOLD: Did = "did:web:hold.example.com";
const DAY = 86_400_000;

Deno.test("the last note of a day counts, and days are listed from the oldest", async () => {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const growth = new StorageGrowth({
    kv,
    clock,
    watch: UNWATCHED,
  });
  const first = clock.now();
  await growth.note(HOLD, { bytes: 10, blobs: 1 });
  clock.advance(DAY / 2);
  await growth.note(HOLD, { bytes: 20, blobs: 2 });
  clock.advance(2 * DAY);
  await growth.note(HOLD, { bytes: 5, blobs: 1 });
  assert.deepEqual(await growth.daily(HOLD), [
    { since: first, bytes: 20, blobs: 2 },
    { since: first + 2 * DAY, bytes: 5, blobs: 1 },
  ]);
  assert.equal((await growth.daily(HOLD, 1)).length, 1);
  kv.close();
});
