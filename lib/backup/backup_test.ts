import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { isAppError } from "../errors.ts";
import { openMoment } from "../kv/copying/moment.ts";
import { setReadOnly } from "../kv/operating/read_only.ts";
import type { Kv } from "../kv/kv.ts";
import { openKv } from "../kv/open_kv.ts";
import { MemoryBlobStore } from "../storage/memory.ts";
import { ManualClock } from "../testing_clock.ts";
import { backUp, pruneBackups } from "./backup.ts";
import { getManifest, listBackups } from "./manifest.ts";
import { restore } from "./restore.ts";
import { openSecret, sealSecret } from "./sealed_secret.ts";

const PREFIXES = ["docker/registry/v2/blobs/", "pds/"];

/** A store with rows and objects, an empty place for backups, and empty stores to restore into. */
async function setUp() {
  const clock = new ManualClock(Date.UTC(2026, 10, 30, 7));
  const [kv, emptyKv] = await Promise.all(
    [1, 2].map(() => openKv(":memory:", clock)),
  );
  assert.ok(kv && emptyKv);
  const [store, target, emptyStore] = [1, 2, 3]
    .map(() => new MemoryBlobStore(clock));
  assert.ok(store && target && emptyStore);
  const run = ({ hasHold = true } = {}) =>
    backUp({
      ...{
        clock,
        store: hasHold ? store : undefined,
        target,
        prefixes: PREFIXES,
      },
      rows: kv.entries(),
      nameOf: ({ key: [kind, name], value }) =>
        kind === "object" && typeof name === "string"
          ? { key: name, isLeaving: value === "leaving" }
          : undefined,
      schema: 1,
      secretKeyId: "kid",
      secret: undefined,
    });
  return {
    ...{ clock, kv, emptyKv, store, target, emptyStore, run },
    restore: async (id?: string) =>
      await restore(
        { kv: emptyKv, store: emptyStore, source: target, prefixes: PREFIXES },
        await getManifest(target, id),
      ),
    [Symbol.dispose]: () => {
      kv.close();
      emptyKv.close();
    },
  };
}

type Rig = Awaited<ReturnType<typeof setUp>>;

/** Stores a blob under its digest and returns its key. */
async function putBlob(store: MemoryBlobStore, text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  const hex = createHash("sha256").update(bytes).digest("hex");
  const key = `docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`;
  await store.put(key, bytes);
  return key;
}

async function all(kv: Kv) {
  return await Array.fromAsync(kv.entries());
}

Deno.test("what was backed up is there again: rows, counters, times of expiry and objects", async () => {
  using rig = await setUp();
  const { clock, kv, store, emptyKv, emptyStore } = rig;
  await kv.set(["a", new Uint8Array([1]), 5n, true], { at: new Date(3) });
  await kv.set(["e"], 1, { expiresAt: clock.now() + 60_000 });
  await kv.atomic().sum(["n"], 12n).commit();
  for (let i = 0; i < 300; i++) {
    await kv.set(["many", i], new Uint8Array(60_000).fill(i % 251));
  }
  const key = await putBlob(store, "layer");
  await store.put("pds/blob", new Uint8Array([9]), {
    contentType: "image/png",
  });
  await setReadOnly(kv, clock, true);
  const { manifest } = await rig.run();
  assert.ok(manifest.pieces.length > 1);
  const { rows, objects } = await rig.restore();
  assert.equal(rows, manifest.rows);
  assert.equal(objects.copied, 2);
  await setReadOnly(kv, clock, false);
  assert.deepEqual(await all(emptyKv), await all(kv));
  assert.equal((await emptyStore.head(key))?.size, 5);
  assert.equal((await emptyStore.head("pds/blob"))?.contentType, "image/png");
});

Deno.test("a second backup copies only the objects that are new", async () => {
  using rig = await setUp();
  const { clock, store, target } = rig;
  await putBlob(store, "old");
  await rig.run();
  const key = await putBlob(store, "new");
  clock.advance(86_400_000);
  const { objects, manifest } = await rig.run();
  assert.deepEqual([objects.present, objects.copied], [1, 1]);
  assert.equal((await target.head(key))?.size, 3);
  assert.deepEqual(await listBackups(target), [
    "20261130T070000Z",
    manifest.id,
  ]);
  assert.deepEqual(await pruneBackups(target, 1, manifest.id), {
    backups: 1,
    objects: 0,
  });
  assert.deepEqual(await listBackups(target), [manifest.id]);
  const left = await Array.fromAsync(target.list("rows/"));
  assert.ok(left.every(({ key }) => key.startsWith(`rows/${manifest.id}/`)));
});

/** Blobs with rows in the store of `rig`, and backups of them. */
function withBlobs({ clock, kv, store, target, run }: Rig) {
  return {
    add: async (text: string) => {
      const key = await putBlob(store, text);
      await kv.set(["object", key], "live");
      return key;
    },
    remove: async (key: string) => {
      await store.delete(key);
      await kv.delete(["object", key]);
    },
    /** Keeps `keep` backups after one of `days` later; returns what it deleted. */
    backUp: async (days: number, keep: number) => {
      clock.advance(days * 86_400_000);
      const { manifest, lost } = await run();
      return { lost, ...await pruneBackups(target, keep, manifest.id) };
    },
    has: async (key: string) => await target.head(key) !== undefined,
  };
}

Deno.test("blobs that the hold deleted go with the last backup that needs them", async () => {
  using rig = await setUp();
  const t = withBlobs(rig);
  const [gone, back] = [await t.add("gone"), await t.add("back")];
  await t.add("kept");
  await t.backUp(1, 9);
  await t.remove(gone);
  await t.remove(back);
  assert.equal((await t.backUp(1, 2)).objects, 0);
  await t.add("back");
  assert.equal((await t.backUp(1, 3)).objects, 0);
  assert.equal((await t.backUp(1, 3)).objects, 1);
  assert.deepEqual([await t.has(gone), await t.has(back)], [false, true]);
  await t.remove(back);
  assert.equal((await t.backUp(1, 2)).objects, 0, "the one before needs it");
  assert.equal((await t.backUp(1, 1)).objects, 1);
  assert.equal((await rig.restore()).objects.copied, 1);
});

Deno.test("blobs that the store lost by accident stay in the backup and are reported", async () => {
  using rig = await setUp();
  const t = withBlobs(rig);
  const keys = [await t.add("one"), await t.add("two")].toSorted();
  await rig.kv.set(["object", await t.add("leaving")], "leaving");
  const strange = await putBlob(rig.store, "without a row");
  await t.backUp(1, 1);
  for await (const { key } of rig.store.list("")) await rig.store.delete(key);
  for (let day = 0; day < 3; day++) {
    const { lost, objects } = await t.backUp(1, 1);
    assert.deepEqual([lost.toSorted(), objects], [keys, 0]);
  }
  for (const key of [...keys, strange]) assert.ok(await t.has(key));
});

Deno.test("nothing is deleted when rows and objects are lost together", async () => {
  using rig = await setUp();
  const t = withBlobs(rig);
  const key = await t.add("only");
  await t.backUp(1, 1);
  await t.remove(key);
  assert.equal((await t.backUp(1, 1)).objects, 0);
  assert.ok(await t.has(key));
});

Deno.test("a clock that was ahead neither costs a blob nor the newest backup", async () => {
  using rig = await setUp();
  const t = withBlobs(rig);
  const key = await t.add("old");
  await t.add("kept");
  await t.backUp(0, 9);
  await t.backUp(30, 9);
  await t.remove(key);
  await t.backUp(-29, 2);
  assert.ok(await t.has(key), "the backup from the future needs it");
  // That one is older than the last two, whatever its name is.
  assert.equal((await t.backUp(1, 2)).objects, 1);
  assert.deepEqual(await listBackups(rig.target), [
    "20261201T070000Z",
    "20261202T070000Z",
  ]);
});

for (const hasHold of [true, false]) {
  const where = hasHold ? "with a hold" : "without one";
  Deno.test(`the backup made last is restored after the clock was set back, ${where}`, async () => {
    using rig = await setUp();
    const { clock, kv, emptyKv, target } = rig;
    for (const [i, days] of [0, 30, -30, 0].entries()) {
      clock.advance(days * 86_400_000);
      await kv.set(["a"], i);
      await rig.run({ hasHold });
    }
    // One that was interrupted.
    await target.put("rows/20280101T000000Z/1", new Uint8Array([1]));
    assert.deepEqual(await listBackups(target), [
      ...["20261130T070000Z", "20261230T070000Z"],
      ...["20261130T070001Z", "20261130T070002Z"],
    ]);
    await rig.restore();
    assert.equal((await emptyKv.get(["a"]))?.value, 3);
  });
}

Deno.test("rotten bytes are reported and never replace a good copy", async () => {
  using rig = await setUp();
  const key = await putBlob(rig.store, "sound");
  await rig.run();
  await rig.store.put(key, new TextEncoder().encode("rotten!"));
  rig.clock.advance(1_000);
  const { objects } = await rig.run();
  assert.deepEqual(objects.damaged, [key]);
  await rig.restore();
  assert.equal((await rig.emptyStore.head(key))?.size, 5);
});

Deno.test("a backup without its last step does not count, and a damaged one is refused", async () => {
  using rig = await setUp();
  const { kv, target } = rig;
  await kv.set(["a"], 1);
  const { manifest } = await rig.run();
  const [piece] = manifest.pieces;
  assert.ok(piece);
  await target.put(piece.key, new Uint8Array([1, 2, 3]));
  await assert.rejects(
    rig.restore(),
    (error) =>
      isAppError(error, "INVALID_REQUEST") && /damaged/.test(error.message),
  );
  await target.delete(`backups/${manifest.id}.json`);
  await assert.rejects(
    rig.restore(),
    (error) => isAppError(error, "NOT_FOUND"),
  );
});

Deno.test("a restore into a store that is used is refused, an interrupted one goes on", async () => {
  using rig = await setUp();
  const { kv, emptyKv, target } = rig;
  for (let i = 0; i < 1_200; i++) await kv.set(["row", i], i);
  const { manifest } = await rig.run();
  const stop = new AbortController();
  const deps = { kv: emptyKv, store: undefined, source: target, prefixes: [] };
  const first = restore(deps, manifest, {
    signal: stop.signal,
    onRows: () => stop.abort(new Error("stopped")),
  });
  await assert.rejects(first, /stopped/);
  await restore(deps, manifest);
  assert.deepEqual(await all(emptyKv), await all(kv));
  await assert.rejects(
    restore(deps, manifest),
    (error) => isAppError(error, "CONFLICT"),
  );
});

Deno.test("rows that a newer version has written are not restored", async () => {
  using rig = await setUp();
  const { manifest } = await rig.run();
  const { emptyKv: kv, target: source } = rig;
  await assert.rejects(
    restore({ kv, source, store: undefined, prefixes: [] }, {
      ...manifest,
      schema: 99,
    }),
    /schema 99/,
  );
});

Deno.test("the secret key opens with its passphrase only", async () => {
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const sealed = await sealSecret(secret, "correct horse");
  assert.doesNotMatch(
    JSON.stringify(sealed),
    new RegExp(RegExp.escape(btoa(String.fromCharCode(...secret)))),
  );
  assert.deepEqual(await openSecret(sealed, "correct horse"), secret);
  await assert.rejects(
    openSecret(sealed, "battery staple"),
    (error) => isAppError(error, "INVALID_REQUEST"),
  );
});

Deno.test("the rows of a file are of one moment while others write", async () => {
  const folder = await Deno.makeTempDir({ prefix: "atcr-backup-" });
  const path = `${folder}/kv.sqlite3`;
  const clock = new ManualClock();
  const kv = await openKv(path, clock);
  await kv.set(["a"], 0);
  await kv.set(["z"], 0);
  {
    await using moment = await openMoment(path, clock);
    await kv.atomic().set(["a"], 1).set(["z"], 1).commit();
    const rows = await Array.fromAsync(moment?.rows.entries() ?? []);
    assert.deepEqual(rows.map(({ value }) => value), [0, 0]);
  }
  kv.close();
  const left = await Array.fromAsync(Deno.readDir(folder));
  assert.ok(left.every(({ name }) => name.startsWith("kv.sqlite3")));
  await Deno.remove(folder, { recursive: true });
});
