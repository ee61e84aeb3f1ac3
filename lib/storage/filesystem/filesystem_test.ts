import assert from "node:assert/strict";
import { isAppError } from "../../errors.ts";
import { FilesystemBlobStore } from "./filesystem.ts";
import { orFull, readBody } from "./filesystem_io.ts";
import { ManualClock } from "../../testing_clock.ts";

const bytes = (size: number, fill: number) => new Uint8Array(size).fill(fill);

async function withStore(
  run: (store: FilesystemBlobStore, folder: string) => Promise<void>,
) {
  const folder = await Deno.makeTempDir();
  try {
    await run(new FilesystemBlobStore({ folder }), folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Paths of all files and links below `folder`, sorted. */
async function files(folder: string, path = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(`${folder}/${path}`)) {
    const below = path + entry.name;
    if (entry.isDirectory) found.push(...await files(folder, `${below}/`));
    else found.push(below);
  }
  return found.sort();
}

const folders = async (folder: string) =>
  (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();

async function read(store: FilesystemBlobStore, key: string) {
  const got = await store.get(key);
  return new Uint8Array(await new Response(got?.body).arrayBuffer());
}

/** A body that gives `first` and then nothing until `more` is called. */
function held(first: Uint8Array) {
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  const started = Promise.withResolvers<void>();
  let pulls = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (pulls++ === 0) return controller.enqueue(first);
      started.resolve();
      controller.enqueue(await promise);
      controller.close();
    },
  }, { highWaterMark: 0 });
  return { body, started: started.promise, more: resolve };
}

Deno.test("parts at offsets are written to one file and completing is a rename", () =>
  withStore(async (store, folder) => {
    const upload = await store.createMultipart("up/1/data");
    const b = await store.putPart(upload, 2, bytes(5, 2), { offset: 10 });
    const a = await store.putPart(upload, 1, bytes(10, 1), { offset: 0 });
    const staged = `${folder}/.uploads/${upload.id}/data`;
    const { ino } = await Deno.stat(staged);
    await store.completeMultipart(upload, [a, b]);
    assert.equal((await Deno.stat(`${folder}/up/1/data`)).ino, ino);
    await store.move("up/1/data", "blobs/sha256/ab/data");
    assert.equal((await Deno.stat(`${folder}/blobs/sha256/ab/data`)).ino, ino);
    assert.deepEqual(
      [...await read(store, "blobs/sha256/ab/data")],
      [...bytes(10, 1), ...bytes(5, 2)],
    );
    assert.deepEqual(await files(folder), ["blobs/sha256/ab/data"]);
    assert.deepEqual(await folders(folder), [".uploads", "blobs"]);
  }));

Deno.test("bytes of an interrupted part are truncated on completion", () =>
  withStore(async (store) => {
    const upload = await store.createMultipart("a");
    const part = await store.putPart(upload, 1, bytes(10, 1), { offset: 0 });
    const broken = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(bytes(100, 2)),
      pull: (controller) => controller.error(new Error("cut")),
    }, { highWaterMark: 0 });
    await assert.rejects(
      store.putPart(upload, 2, broken, { offset: 10 }),
      /cut/,
    );
    assert.deepEqual(await store.listParts(upload), [part]);
    await store.completeMultipart(upload, [part]);
    assert.deepEqual(await read(store, "a"), bytes(10, 1));
  }));

Deno.test("a part never overwrites the bytes of another", () =>
  withStore(async (store) => {
    const upload = await store.createMultipart("a");
    const a = await store.putPart(upload, 1, bytes(10, 1), { offset: 0 });
    const b = await store.putPart(upload, 2, bytes(10, 2), { offset: 10 });
    const refused = (error: unknown) =>
      isAppError(error, "BLOB_UPLOAD_INVALID");
    const into = (offset: number, size: number) =>
      store.putPart(upload, 3, bytes(size, 3), { offset });
    await assert.rejects(into(5, 1), refused);
    await assert.rejects(into(19, 2), refused);
    const c = await into(20, 5);
    await store.completeMultipart(upload, [a, b, c]);
    assert.deepEqual(
      [...await read(store, "a")],
      [...bytes(10, 1), ...bytes(10, 2), ...bytes(5, 3)],
    );
  }));

Deno.test("a gap between parts is refused", () =>
  withStore(async (store) => {
    const upload = await store.createMultipart("a");
    const a = await store.putPart(upload, 1, bytes(10, 1), { offset: 0 });
    const b = await store.putPart(upload, 2, bytes(10, 2), { offset: 11 });
    await assert.rejects(
      store.completeMultipart(upload, [a, b]),
      /Part 2 was written at byte 11/,
    );
    for (const offset of [-1, 0.5, NaN]) {
      await assert.rejects(
        store.putPart(upload, 3, bytes(1, 3), { offset }),
        /place of a part/,
      );
    }
  }));

Deno.test("a repeated part takes over from a writer that hangs", () =>
  withStore(async (store) => {
    const upload = await store.createMultipart("a");
    const old = held(bytes(4, 9));
    const first = store.putPart(upload, 1, old.body, { offset: 0 });
    const stopped = assert.rejects(first, /sent again/);
    await old.started;
    const part = await store.putPart(upload, 1, bytes(2, 1), { offset: 0 });
    await stopped;
    old.more(bytes(4, 9));
    await store.completeMultipart(upload, [part]);
    assert.deepEqual(await read(store, "a"), bytes(2, 1));
  }));

Deno.test("completing stops running writers", () =>
  withStore(async (store, folder) => {
    const upload = await store.createMultipart("a");
    const part = await store.putPart(upload, 1, bytes(2, 1), { offset: 0 });
    const late = held(bytes(4, 9));
    const second = store.putPart(upload, 2, late.body, { offset: 2 });
    const stopped = assert.rejects(second, /ended/);
    await late.started;
    await store.completeMultipart(upload, [part]);
    late.more(bytes(4, 9));
    await stopped;
    assert.deepEqual(await read(store, "a"), bytes(2, 1));
    assert.deepEqual(await files(folder), ["a"]);
  }));

Deno.test("an upload survives the process, its incomplete parts do not", () =>
  withStore(async (store, folder) => {
    const upload = await store.createMultipart("a");
    const part = await store.putPart(upload, 1, bytes(2, 1), { offset: 0 });
    // What a process killed while writing leaves behind.
    await Deno.writeFile(
      `${folder}/.uploads/${upload.id}/data`,
      bytes(1000, 9),
      { append: true },
    );
    await Deno.writeFile(
      `${folder}/.uploads/${upload.id}/new.0123456789abcdef`,
      bytes(1000, 9),
    );
    const next = new FilesystemBlobStore({ folder });
    assert.deepEqual(await next.listParts(upload), [part]);
    await next.completeMultipart(upload, [part]);
    assert.deepEqual(await read(next, "a"), bytes(2, 1));
    assert.deepEqual(await files(folder), ["a"]);
  }));

Deno.test("lost bytes of a part are detected on completion", () =>
  withStore(async (store, folder) => {
    const upload = await store.createMultipart("a");
    const part = await store.putPart(upload, 1, bytes(9, 1), { offset: 0 });
    await Deno.truncate(`${folder}/.uploads/${upload.id}/data`, 5);
    await assert.rejects(
      store.completeMultipart(upload, [part]),
      (error) => isAppError(error, "BLOB_UPLOAD_INVALID"),
    );
    assert.equal(await store.head("a"), undefined);
  }));

Deno.test("no part is added after bytes that a crash during completion removed", () =>
  withStore(async (store, folder) => {
    const upload = await store.createMultipart("a");
    const first = await store.putPart(upload, 1, bytes(9, 1), { offset: 0 });
    // The joined file was renamed, the rest of the upload was not removed.
    await Deno.rename(
      `${folder}/.uploads/${upload.id}/data`,
      `${folder}/joined`,
    );
    const gone = (error: unknown) => isAppError(error, "BLOB_UPLOAD_UNKNOWN");
    await assert.rejects(
      store.putPart(upload, 2, bytes(9, 2), { offset: 9 }),
      gone,
    );
    await assert.rejects(store.completeMultipart(upload, [first]), gone);
    assert.equal(await store.head("a"), undefined);
  }));

Deno.test("the sweep removes old files left by a crash and keeps fresh ones", async () => {
  const folder = await Deno.makeTempDir();
  const clock = new ManualClock(Date.now());
  const store = new FilesystemBlobStore({ folder, clock });
  await store.check();
  const ruin = `${folder}/.uploads/${crypto.randomUUID()}`;
  await Deno.mkdir(ruin);
  await Deno.writeTextFile(`${ruin}/upload.json`, "");
  const draft = `${folder}/.uploads/put.${crypto.randomUUID()}`;
  await Deno.writeTextFile(draft, "an object that never came to its place");
  const upload = await store.createMultipart("up/x");
  const sweep = () => Array.fromAsync(store.listMultiparts(""));
  assert.deepEqual(await sweep(), [{ upload, startedAt: clock.now() }]);
  assert.equal((await folders(`${folder}/.uploads`)).length, 3);
  assert.ok((await Deno.stat(draft)).isFile);
  clock.advance(2 * 60 * 60 * 1000);
  assert.equal((await sweep()).length, 1);
  assert.deepEqual(await folders(`${folder}/.uploads`), [upload.id]);
  await assert.rejects(Deno.stat(draft), Deno.errors.NotFound);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("no symbolic link is followed", () =>
  withStore(async (store, folder) => {
    const outside = await Deno.makeTempDir();
    await Deno.writeTextFile(`${outside}/secret`, "secret");
    await Deno.symlink(`${outside}/secret`, `${folder}/link`);
    await Deno.symlink(outside, `${folder}/out`);
    const refused = (error: unknown) =>
      isAppError(error, "UNAVAILABLE") &&
      /symbolic link/.test(error.operator ?? "") &&
      !error.message.includes(folder);
    for (const key of ["link", "out/secret"]) {
      await assert.rejects(store.get(key), refused);
      await assert.rejects(store.head(key), refused);
      await assert.rejects(store.delete(key), refused);
    }
    await assert.rejects(store.put("out/new", bytes(1, 1)), refused);
    assert.deepEqual(await Array.fromAsync(store.list("")), []);
    assert.deepEqual(await files(outside), ["secret"]);
    assert.deepEqual(await folders(`${folder}/.uploads`), []);
    await Deno.remove(outside, { recursive: true });
  }));

Deno.test("the root itself may be a link, created after the store", async () => {
  const real = await Deno.makeTempDir();
  const store = new FilesystemBlobStore({ folder: `${real}/a/link` });
  await Deno.writeTextFile(`${real}/a`, "in the way");
  await assert.rejects(
    store.check(),
    (error) =>
      isAppError(error, "UNAVAILABLE") &&
      /a\/link/.test(error.operator ?? "") && !/link/.test(error.message),
  );
  await Deno.remove(`${real}/a`);
  await Deno.mkdir(`${real}/a`);
  await Deno.mkdir(`${real}/target`);
  await Deno.symlink(`${real}/target`, `${real}/a/link`);
  await store.check();
  await store.put("b/c", bytes(1, 1));
  assert.deepEqual(await files(`${real}/target`), ["b/c"]);
  await Deno.remove(real, { recursive: true });
});

Deno.test("empty folders are removed, used ones stay", () =>
  withStore(async (store, folder) => {
    await store.put("a/b/1", bytes(1, 1), { contentType: "t/t" });
    await store.put("a/c/2", bytes(1, 1));
    await store.delete("a/b/1");
    assert.deepEqual(await folders(`${folder}/a`), ["c"]);
    await store.delete("a/c/2");
    assert.deepEqual(await folders(folder), [".uploads"]);
    assert.deepEqual(await folders(`${folder}/.uploads`), []);
  }));

Deno.test("puts and deletes in one folder do not disturb each other", () =>
  withStore(async (store) => {
    const work = Array.from({ length: 40 }, async (_, i) => {
      await store.put(`a/b/${i}`, bytes(1, i));
      await store.delete(`a/b/${i}`);
    });
    await Promise.all(work);
    assert.deepEqual(await Array.fromAsync(store.list("")), []);
  }));

Deno.test("no file stays open after a read, a cancel, an abort or an error", {
  ignore: Deno.build.os !== "linux",
}, () =>
  withStore(async (store, folder) => {
    await store.put("a", bytes(2_000_000, 1));
    // Other tests in this process have files open too.
    const count = async () => {
      let open = 0;
      for await (const { name } of Deno.readDir("/proc/self/fd")) {
        const path = await Deno.readLink(`/proc/self/fd/${name}`)
          .catch(() => "");
        if (path.startsWith(folder)) open++;
      }
      return open;
    };
    const before = await count();
    await read(store, "a");
    await (await store.get("a"))?.body.cancel();
    const reader = (await store.get("a"))?.body.getReader();
    await reader?.read();
    await reader?.cancel();
    const controller = new AbortController();
    const aborted = await store.get("a", undefined, controller.signal);
    controller.abort();
    await assert.rejects(new Response(aborted?.body).arrayBuffer());
    await assert.rejects(store.get("a", undefined, controller.signal));
    await assert.rejects(store.get("a", { start: 3_000_000, end: 3_000_001 }));
    const file = await Deno.open(`${folder}/a`);
    const short = await readBody(file, { start: 0, length: 3_000_000 });
    await assert.rejects(new Response(short).arrayBuffer(), /ended before/);
    assert.equal(await count(), before);
  }));

Deno.test("a full disk is reported in a sentence", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  using full = await Deno.open("/dev/full", { write: true });
  const error = await orFull(() => full.write(bytes(1, 1)))
    .catch((error) => error);
  assert.ok(isAppError(error, "STORAGE_FULL"));
  assert.match(error.message, /storage is full/);
  const other = new Error("other");
  await assert.rejects(
    orFull(() => Promise.reject(other)),
    (error) => error === other,
  );
});

Deno.test("an object with damaged headers is served without them", () =>
  withStore(async (store, folder) => {
    await store.put("a", bytes(10, 1), { contentType: "image/webp" });
    for (const text of ["{", '{"contentType":7}', ""]) {
      await Deno.writeTextFile(`${folder}/.a.headers`, text);
      assert.equal((await store.head("a"))?.contentType, undefined);
      assert.deepEqual(await read(store, "a"), bytes(10, 1));
    }
    await store.delete("a");
    assert.deepEqual(await files(folder), []);
  }));
