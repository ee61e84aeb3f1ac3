/** Damaged objects in the bucket of a hold, on the S3 server that `deno task test:s3` starts. */

import assert from "node:assert/strict";
import { BlobScrub } from "../../lib/hold/blobs/blob_scrub.ts";
import { DamageReporter } from "../../lib/hold/blobs/damage.ts";
import {
  ALICE,
  bodyOf,
  noise,
  openHold,
  read,
} from "../../lib/hold/testing.ts";
import { digestOf } from "../../lib/oci/digest.ts";
import { Scrubber } from "../../lib/scrub/scrubber.ts";
import { S3BlobStore } from "../../lib/storage/s3/s3.ts";
import { ignore, s3Options, withBucket } from "../s3/server.ts";
import { ManualClock } from "../../lib/testing_clock.ts";
import { silentLogger } from "../../lib/testing_log.ts";

const MIB = 1024 * 1024;

type Change = (
  bytes: Uint8Array<ArrayBuffer>,
) => Uint8Array<ArrayBuffer> | undefined;

/** What happens to an object, and the damage that a scrub reports. */
const CHANGES: readonly (readonly [string, Change])[] = [
  ["digest", (bytes) => bytes.fill(1, 1000, 1004)],
  ["size", (bytes) => bytes.slice(0, -1)],
  ["size", (bytes) => new Uint8Array([...bytes, 1])],
  ["missing", () => undefined],
];

Deno.test({
  name:
    "in a bucket too, damage is hidden when it is found, detected by a scrub and repaired by a push",
  ignore,
  fn: () =>
    withBucket(async () => {
      const store = new S3BlobStore(s3Options);
      const clock = new ManualClock(Date.now());
      await using hold = await openHold(store, clock);
      const { kv, keys, rows } = hold;
      const log = silentLogger;
      const metrics = { blobDamaged: () => {} };
      const damage = new DamageReporter({ rows, log, metrics });
      const sources = [new BlobScrub({ store, keys, rows, damage })];
      const scrubber = new Scrubber({ kv, clock, log, sources });
      const push = async (bytes: Uint8Array<ArrayBuffer>) => {
        const { uploads } = hold;
        const upload = await uploads.initiate(ALICE);
        await uploads.append(upload, 0, bodyOf(bytes));
        await uploads.complete(upload.uploadId, digestOf(bytes));
        clock.advance(1_000);
      };
      const wanted: Record<string, string> = {};
      const blobs: Uint8Array<ArrayBuffer>[] = [];
      for (const [i, [kind, change]] of CHANGES.entries()) {
        // In one object, and in one that was joined of parts.
        for (const size of [5_000, 9 * MIB]) {
          const bytes = noise(size + i);
          const digest = digestOf(bytes);
          blobs.push(bytes);
          await push(bytes);
          const wrong = change(bytes.slice());
          if (wrong) await store.put(keys.blob(digest), wrong);
          else await store.delete(keys.blob(digest));
          wanted[digest] = kind;
          if (kind === "digest") continue;
          const range = { start: 10, end: 19 };
          assert.equal(await hold.blobs.open(digest, range), undefined);
          assert.equal(await hold.blobs.stat(digest), undefined);
        }
      }
      const report = await scrubber.run({ bytesPerSecond: 1e12 });
      const found = report.findings.map(({ id, damage }) => [id, damage]);
      assert.deepEqual(Object.fromEntries(found), wanted);
      for (const bytes of blobs) {
        assert.equal(await read(hold, bytes), undefined);
        await push(bytes);
        assert.deepEqual(await read(hold, bytes), bytes);
      }
      const again = await scrubber.run({ bytesPerSecond: 1e12 });
      assert.deepEqual(again.findings, []);
      await store.close();
    }),
});

Deno.test({
  name: "a bucket is checked by a write, at most once in half a minute",
  ignore,
  fn: () =>
    withBucket(async () => {
      const clock = new ManualClock(Date.now());
      const store = new S3BlobStore(s3Options, { clock, probeKey: "probe" });
      await store.check();
      assert.equal((await store.head("probe"))?.size, 0);
      await store.delete("probe");
      await store.check();
      assert.equal(await store.head("probe"), undefined);
      clock.advance(30_000);
      await store.check();
      assert.equal((await store.head("probe"))?.size, 0);
      await store.close();
    }),
});
