import assert from "node:assert/strict";
import type { Key } from "../../kv/kv.ts";
import { silentLogger } from "../../testing_log.ts";
import { holdKeys } from "../kv_keys.ts";
import { ALICE, noise } from "../testing.ts";
import {
  imageOf,
  openServices,
  TestRepos,
  type TestServices,
  TIERS,
} from "../testing_services.ts";
import { HoldReindex } from "./reindex.ts";

const DAY = 24 * 3_600_000;

function reindexOf(hold: TestServices): HoldReindex {
  return new HoldReindex({ ...hold, log: silentLogger });
}

/** Rows that are made of other things; times and other marks of their making left out. */
async function derivedRows(hold: TestServices): Promise<string[]> {
  const kinds = [
    holdKeys.blobs,
    holdKeys.manifests,
    holdKeys.accounts,
    holdKeys.charges,
    ...["layer_user", "layer_manifest", "blob_use"]
      .map((kind): Key => ["hold", kind]),
  ];
  const rows: string[] = [];
  for (const prefix of kinds) {
    for await (const { key, value } of hold.kv.list<unknown>({ prefix })) {
      const { size, state, blobs, bytes } = Object(value);
      rows.push(JSON.stringify([key, size, state, blobs, bytes]));
    }
  }
  return rows;
}

async function dropDerivedRows(hold: TestServices): Promise<void> {
  const keys: Key[] = [];
  for await (const { key } of hold.kv.list<unknown>({ prefix: ["hold"] })) {
    keys.push(key);
  }
  for (const key of keys) await hold.kv.delete(key);
}

Deno.test("rows that were lost are made again from storage and repos", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source, ...TIERS });
  const layer = await hold.push(ALICE, noise(300));
  const config = await hold.push(ALICE, noise(40));
  const event = imageOf(ALICE, [layer], { config });
  source.add(event, hold.records.did);
  await hold.notify.push(ALICE, event);
  await hold.crew.put(ALICE, { role: "member", permissions: ["blob:write"] });
  const before = await derivedRows(hold);
  assert.ok(before.length >= 8, before.join("\n"));

  await dropDerivedRows(hold);
  assert.deepEqual(await derivedRows(hold), []);
  const report = await reindexOf(hold).run();
  assert.deepEqual(report, { objects: 2, adopted: 2, hidden: 0, unread: 0 });
  assert.deepEqual(await derivedRows(hold), before);
  hold.clock.advance(2 * DAY);
  assert.equal((await hold.gc.run()).quarantine, 0);

  const again = await reindexOf(hold).run();
  assert.deepEqual(again, { objects: 2, adopted: 0, hidden: 0, unread: 0 });
});

Deno.test("objects that are wrong, cut or gone hide their blobs, and others stay as they are", async () => {
  await using hold = await openServices();
  const { store, keys, rows, kv } = hold;
  const [sound, cut, gone, wrong, removed] = [
    await hold.push(ALICE, noise(10, 1)),
    await hold.push(ALICE, noise(11, 2)),
    await hold.push(ALICE, noise(12, 3)),
    await hold.push(ALICE, noise(13, 4)),
    await hold.push(ALICE, noise(14, 5)),
  ];
  await store.put(keys.blob(cut), noise(5));
  await store.delete(keys.blob(gone));
  await store.put(keys.blob(wrong), noise(13, 6));
  await kv.delete(holdKeys.blob(wrong));
  await hold.blobs.remove(removed);
  const report = await reindexOf(hold).run();
  assert.deepEqual(report, { objects: 4, adopted: 0, hidden: 3, unread: 0 });
  const states = await Promise.all(
    [sound, cut, gone, wrong, removed].map((digest) => rows.find(digest)),
  );
  assert.deepEqual(states.map((row) => row?.damage ?? row?.state), [
    ...["live", "size", "missing", "digest", "removed"],
  ]);
});

Deno.test("owners that cannot be read are counted, and progress names every step", async () => {
  const source = new TestRepos();
  await using hold = await openServices({ source });
  await hold.push(ALICE, noise(10));
  source.down.add(ALICE);
  await hold.crew.put(ALICE, { role: "member", permissions: ["blob:write"] });
  const steps: string[] = [];
  const { unread } = await reindexOf(hold).run({
    progress: (step, objects) => steps.push(`${step} ${objects}`),
  });
  assert.equal(unread, 1);
  assert.deepEqual(steps, [
    ...["blobs 0", "blobs 1", "layers 0", "feeds 0", "manifests 0"],
  ]);
});
