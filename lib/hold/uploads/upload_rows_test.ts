import assert from "node:assert/strict";
import { isAppError } from "../../errors.ts";
import { parseDid } from "../../did.ts";
import { Instance } from "../../kv/operating/instance.ts";
import { openKv } from "../../kv/open_kv.ts";
import { ManualClock } from "../../testing_clock.ts";
import { UploadRows } from "./upload_rows.ts";

Deno.test("the lock of a killed process is taken over within five seconds, that of a living one is not", async () => {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  // Time stands still for a process that was killed.
  const stopped = new ManualClock();
  const [killed, living] = [stopped, clock]
    .map((clock) => new Instance({ kv, clock }));
  assert.ok(killed && living);
  await Promise.all([killed.start(), living.start()]);
  const rows = (instance: Instance, clock: ManualClock) =>
    new UploadRows({ kv, clock, instance, ttlMs: 86_400_000 });
  const caller = parseDid("did:plc:aaaaaaaaaaaaaaaaaaaaaaaa");
  assert.ok(caller);
  const upload = (uploadId: string) => ({
    uploadId,
    caller,
    algorithm: "sha256" as const,
  });
  const [one, two] = [
    "00000000-0000-4000-8000-000000000001",
    "00000000-0000-4000-8000-000000000002",
  ].map(upload);
  assert.ok(one && two);
  await rows(killed, stopped).create(one);
  await rows(living, clock).create(two);
  await rows(killed, stopped).lock(one);
  await rows(living, clock).lock(two);

  const third = new Instance({ kv, clock });
  await third.start();
  const others = rows(third, clock);
  const isBusy = (error: unknown) => isAppError(error, "CONFLICT");
  await assert.rejects(others.lock(one), isBusy);
  for (let passed = 0; passed < 5_000; passed += 1_000) {
    clock.advance(1_000);
    // The living process gives its sign.
    for (let turn = 0; turn < 20; turn++) await kv.get(["turn"]);
  }
  const lock = await others.lock(one);
  assert.equal(lock.row.id, one.uploadId);
  await assert.rejects(others.lock(two), isBusy);
  await lock.release();
  await Promise.all([living.stop(), third.stop()]);
  stopped.advance(60_000);
  await killed.stop();
  kv.close();
});
