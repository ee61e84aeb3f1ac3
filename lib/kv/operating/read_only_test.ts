import assert from "node:assert/strict";
import { isAppError } from "../../errors.ts";
import { ManualClock } from "../../testing_clock.ts";
import { openKv } from "../open_kv.ts";
import { NOTICE_MS, ReadOnlyMode, setReadOnly } from "./read_only.ts";

Deno.test("every instance notices within five seconds that it may only read", async () => {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const mode = new ReadOnlyMode({ kv, clock, always: false });
  await mode.requireWritable();
  await setReadOnly(kv, clock, true);
  clock.advance(NOTICE_MS);
  await assert.rejects(
    mode.requireWritable(),
    (error) =>
      isAppError(error, "UNAVAILABLE") && error.retryAfterSeconds === 60,
  );
  await setReadOnly(kv, clock, false);
  clock.advance(NOTICE_MS);
  await mode.requireWritable();
  const always = new ReadOnlyMode({ kv, clock, always: true });
  assert.equal(await always.isOn(), true);
  kv.close();
});
