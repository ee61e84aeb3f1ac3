/**
 * Drill: 1,000 of 10,000 blobs in a folder are damaged in five ways. A scrub
 * that is interrupted on its way finds every one and nothing else, and none is
 * served afterwards.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { BlobScrub } from "../../lib/hold/blobs/blob_scrub.ts";
import { DamageReporter } from "../../lib/hold/blobs/damage.ts";
import { ALICE, bodyOf, openHold } from "../../lib/hold/testing.ts";
import { type Digest, digestOf } from "../../lib/oci/digest.ts";
import { Scrubber } from "../../lib/scrub/scrubber.ts";
import { FilesystemBlobStore } from "../../lib/storage/filesystem/filesystem.ts";
import { ManualClock } from "../../lib/testing_clock.ts";
import { silentLogger } from "../../lib/testing_log.ts";
import { say } from "../tools/command.ts";

const BLOBS = Number(Deno.env.get("DRILL_BLOBS") ?? "10000");
const DAMAGED = BLOBS / 10;

/** Ways to damage a file; `other` is the path of a sound one. */
const DAMAGES: Record<string, (path: string, other: string) => Promise<void>> =
  {
    flip: async (path) => {
      const bytes = await Deno.readFile(path);
      const at = Math.floor(Math.random() * bytes.length);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(Math.random() * 8));
      await Deno.writeFile(path, bytes);
    },
    cut: async (path) => {
      const { size } = await Deno.stat(path);
      await Deno.truncate(path, Math.floor(Math.random() * size));
    },
    grow: (path) => Deno.writeFile(path, new Uint8Array([0]), { append: true }),
    swap: (path, other) => Deno.copyFile(other, path),
    delete: (path) => Deno.remove(path),
  };

Deno.test("every damaged blob is found and hidden, and no other", async () => {
  const folder = await Deno.makeTempDir({ prefix: "atcr-scrub-" });
  const store = new FilesystemBlobStore({ folder });
  const clock = new ManualClock(Date.now());
  await using hold = await openHold(store, clock);
  const { kv, keys, rows, uploads } = hold;
  const log = silentLogger;
  const metrics = { blobDamaged: () => {} };
  const damage = new DamageReporter({ rows, log, metrics });
  const digests: Digest[] = [];
  const push = async (i: number) => {
    const bytes = crypto.getRandomValues(new Uint8Array(200 + i % 800));
    const digest = digestOf(bytes);
    const upload = await uploads.initiate(ALICE);
    await uploads.append(upload, 0, bodyOf(bytes));
    await uploads.complete(upload.uploadId, digest);
    digests.push(digest);
  };
  for (let i = 0; i < BLOBS; i += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, at) => push(i + at)));
  }
  clock.advance(1_000);
  const path = (digest: Digest) => join(folder, keys.blob(digest));
  const shuffled = digests.toSorted(() => Math.random() - 0.5);
  const victims = shuffled.slice(0, DAMAGED);
  const ways = Object.values(DAMAGES);
  for (const [i, digest] of victims.entries()) {
    const other = shuffled[DAMAGED + i];
    assert.ok(other);
    await ways[i % ways.length]?.(path(digest), path(other));
  }

  const scrubber = new Scrubber({
    ...{ kv, clock, log },
    sources: [new BlobScrub({ store, keys, rows, damage })],
  });
  const found = new Set<string>();
  const stop = new AbortController();
  const options = {
    bytesPerSecond: Number.MAX_SAFE_INTEGER,
    onFinding: ({ id }: { id: string }) => {
      found.add(id);
      // Progress is stored every five seconds.
      clock.advance(10);
      if (found.size === DAMAGED / 2) stop.abort(new Error("stopped"));
    },
  };
  const startedAt = performance.now();
  await assert.rejects(
    scrubber.run({ ...options, signal: stop.signal }),
    /stopped/,
  );
  const report = await scrubber.run(options);
  const seconds = (performance.now() - startedAt) / 1000;
  assert.deepEqual([...found].toSorted(), victims.toSorted());
  const counts = Object.values(report.counts);
  assert.equal(counts.reduce((sum, one) => sum + one.unread, 0), 0);
  for (const digest of victims) {
    assert.equal(await hold.blobs.stat(digest), undefined);
  }
  for (const digest of shuffled.slice(DAMAGED, DAMAGED + 100)) {
    assert.ok(await hold.blobs.stat(digest));
  }
  await say(
    `${found.size} of ${BLOBS} blobs were damaged and found, in ${
      seconds.toFixed(1)
    } s, with one interruption`,
  );
  await Deno.remove(folder, { recursive: true });
});
