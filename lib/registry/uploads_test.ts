import assert from "node:assert/strict";
import { isAppError } from "../errors.ts";
import { ALICE, HOLD } from "../hold/testing.ts";
import { Metrics } from "../metrics.ts";
import { digestOf } from "../oci/digest.ts";
import type { HoldClient } from "../hold_api/hold_client.ts";
import { SecretBox } from "../crypto/secret_box.ts";
import { UploadIds } from "./upload_ids.ts";
import { Uploads } from "./uploads.ts";
import { ManualClock } from "../testing_clock.ts";
import { silentLogger } from "../testing_log.ts";
import { openKv } from "../kv/open_kv.ts";

const HOUR = 3_600_000;
const REF = { did: ALICE, repo: "app" } as const;
const BLOB = digestOf(new Uint8Array(3));

/** A hold that counts bytes and never expires an upload. */
function countingHold(onAppend: () => Promise<void>) {
  const offsets = new Map<string, number>();
  const hold: Partial<HoldClient> = {
    did: HOLD,
    mayWrite: () => Promise.resolve({ allowed: true }),
    startUpload: () => {
      const id = `upload-${offsets.size}`;
      offsets.set(id, 0);
      return Promise.resolve(id);
    },
    uploadOffset: ({ uploadId }) => Promise.resolve(offsets.get(uploadId)),
    append: async ({ uploadId }, offset, body) => {
      await onAppend();
      let end = offset;
      for await (const chunk of body) end += chunk.length;
      offsets.set(uploadId, end);
      return end;
    },
    completeUpload: ({ uploadId }) =>
      Promise.resolve({ size: offsets.get(uploadId) ?? 0, received: 0 }),
    abortUpload: ({ uploadId }) => {
      offsets.delete(uploadId);
      return Promise.resolve();
    },
  };
  return hold as HoldClient;
}

async function setUp() {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const during = { append: () => Promise.resolve() };
  const hold = countingHold(() => during.append());
  const box = new SecretBox(new Uint8Array(32));
  const uploads = new Uploads({
    kv,
    clock,
    holds: { get: () => Promise.resolve(hold) },
    ids: new UploadIds((...parts) => box.mac("upload id", ...parts)),
    log: silentLogger,
    metrics: new Metrics(),
    ttlMs: 24 * HOUR,
  });
  const { id } = await uploads.start(REF, ALICE, HOLD, "sha256");
  const append = () =>
    uploads.append(REF, ALICE, id, { body: new Blob(["x"]).stream() });
  return {
    clock,
    during,
    uploads,
    id,
    append,
    [Symbol.dispose]: () => kv.close(),
  };
}

Deno.test("an active upload may last longer than the idle limit", async () => {
  using t = await setUp();
  for (const hours of [2, 10, 23, 22]) {
    t.clock.advance(hours * HOUR);
    await t.append();
  }
  t.clock.advance(23 * HOUR - 1);
  assert.equal((await t.uploads.status(REF, ALICE, t.id)).offset, 4);
  await t.uploads.finish(REF, ALICE, t.id, BLOB);
});

Deno.test("an idle upload expires", async () => {
  using t = await setUp();
  t.clock.advance(20 * HOUR);
  await t.append();
  t.clock.advance(24 * HOUR);
  await assert.rejects(
    t.append(),
    (error) => isAppError(error, "BLOB_UPLOAD_UNKNOWN"),
  );
});

Deno.test("an upload whose request lasts longer than the idle limit can be finished", async () => {
  using t = await setUp();
  t.during.append = () => {
    t.clock.advance(30 * HOUR);
    return Promise.resolve();
  };
  assert.equal((await t.append()).offset, 1);
  await t.uploads.finish(REF, ALICE, t.id, BLOB);
});

Deno.test("an upload cancelled during a request stays cancelled", async () => {
  using t = await setUp();
  t.during.append = async () => {
    t.clock.advance(20 * HOUR);
    await t.uploads.cancel(REF, ALICE, t.id);
  };
  await t.append();
  await assert.rejects(
    t.uploads.status(REF, ALICE, t.id),
    (error) => isAppError(error, "BLOB_UPLOAD_UNKNOWN"),
  );
});
