import assert from "node:assert/strict";
import { openTestRepo, TEST_DID } from "../../tests/support/repo.ts";
import { AppError } from "../errors.ts";
import { MemoryBlobStore } from "../storage/memory.ts";
import { RepoBlobScrub } from "./blob_scrub.ts";
import { MAX_BLOB_BYTES, RepoBlobs } from "./blobs.ts";
import type { RepoWrite } from "./writes.ts";
import { ManualClock } from "../testing_clock.ts";
import { silentLogger } from "../testing_log.ts";

const NOTE = "com.example.note";
const DAY_MS = 24 * 3_600_000;

async function setUp() {
  const clock = new ManualClock();
  const { repo, kv } = await openTestRepo({ clock });
  const store = new MemoryBlobStore(clock);
  const blobs = new RepoBlobs({
    did: TEST_DID,
    kv,
    store,
    objectKey: (id) => `pds/${id}`,
    clock,
    log: silentLogger,
  });
  const objects = async () =>
    (await Array.fromAsync(store.list("pds/"))).length;
  return { clock, repo, kv, blobs, objects, store };
}

function withBlob(rkey: string, ...images: unknown[]): RepoWrite {
  return { action: "put", collection: NOTE, rkey, value: { images } };
}

const text = (value: string) => new TextEncoder().encode(value);

Deno.test("a blob can be read as soon as a record refers to it, and as long as one does", async () => {
  const { repo, kv, blobs } = await setUp();
  const ref = await blobs.upload(text("picture"), "image/png");
  const cid = ref.ref.$link;
  assert.deepEqual({ ...ref, ref: undefined }, {
    $type: "blob",
    ref: undefined,
    mimeType: "image/png",
    size: 7,
  });
  assert.equal(await blobs.open(cid), undefined);
  await repo.apply([withBlob("a", ref), withBlob("b", ref, ref)]);
  const opened = await blobs.open(cid);
  assert.equal(opened?.mimeType, "image/png");
  assert.equal(await new Response(opened?.body).text(), "picture");
  await repo.apply([{ action: "delete", collection: NOTE, rkey: "a" }]);
  await (await blobs.open(cid))?.body.cancel();
  await repo.apply([withBlob("b")]);
  assert.equal(await blobs.open(cid), undefined);
  kv.close();
});

Deno.test("a record may not refer to a blob that is missing or different", async () => {
  const { repo, kv, blobs } = await setUp();
  const ref = await blobs.upload(text("picture"), "image/png");
  const missing = { $link: `${ref.ref.$link.slice(0, -3)}aaa` };
  for (
    const [wrong, name] of [
      [{ ...ref, ref: missing }, "BlobNotFound"],
      [{ ...ref, mimeType: "image/jpeg" }, "InvalidMimeType"],
      [{ ...ref, size: 8 }, "InvalidSize"],
    ] as const
  ) {
    await assert.rejects(
      repo.apply([withBlob("a", wrong)]),
      (error: unknown) => error instanceof AppError && error.xrpcName === name,
    );
  }
  const all = await repo.applyAll([withBlob("a", { ...ref, ref: missing })], {
    missingBlobs: true,
  });
  assert.equal(all.length, 1);
  kv.close();
});

Deno.test("blobs without a record are deleted after a day, others stay", async () => {
  const { clock, repo, kv, blobs, objects } = await setUp();
  const kept = await blobs.upload(text("kept"), "text/plain");
  const unused = await blobs.upload(text("unused"), "text/plain");
  await repo.apply([withBlob("a", kept)]);
  assert.equal(await blobs.sweep(), 0);
  clock.advance(DAY_MS + 1);
  const renewed = await blobs.upload(text("renewed"), "text/plain");
  assert.equal(await blobs.sweep(), 1);
  assert.equal(await objects(), 2);
  await assert.rejects(repo.apply([withBlob("b", unused)]), AppError);
  await repo.apply([withBlob("b", renewed)]);
  const again = await blobs.upload(text("unused"), "text/plain");
  assert.deepEqual(again, unused);
  await repo.apply([withBlob("c", again)]);
  assert.equal(
    await new Response((await blobs.open(again.ref.$link))?.body).text(),
    "unused",
  );
  kv.close();
});

Deno.test("a repeated upload is stored once", async () => {
  const { kv, blobs, objects } = await setUp();
  const all = await Promise.all(
    [1, 2, 3, 4].map(() => blobs.upload(text("same"), "text/plain")),
  );
  assert.equal(new Set(all.map(({ ref }) => ref.$link)).size, 1);
  assert.equal(await objects(), 1);
  kv.close();
});

Deno.test("listBlobs returns referenced blobs, in pages and since a revision", async () => {
  const { repo, kv, blobs } = await setUp();
  const refs = await Promise.all(
    Array.from(
      { length: 7 },
      (_, i) => blobs.upload(text(`blob${i}`), "text/plain"),
    ),
  );
  await blobs.upload(text("unused"), "text/plain");
  await repo.apply(refs.slice(0, 5).map((ref, i) => withBlob(`k${i}`, ref)));
  const { rev } = await repo.head();
  await repo.apply([withBlob("later", refs[5], refs[6], refs[0])]);
  const expected = refs.map(({ ref }) => ref.$link).sort();
  const found: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await blobs.list({
      limit: 3,
      ...(cursor === undefined ? {} : { cursor }),
    });
    found.push(...page.cids);
    cursor = page.cursor;
  } while (cursor !== undefined);
  assert.deepEqual(found, expected);
  const later = await blobs.list({ limit: 100, since: rev });
  assert.deepEqual(
    later.cids,
    [refs[0], refs[5], refs[6]].map((ref) => ref?.ref.$link).sort(),
  );
  await assert.rejects(blobs.list({ limit: 1, since: "x" }), AppError);
  await assert.rejects(blobs.list({ limit: 1, cursor: "x" }), AppError);
  kv.close();
});

Deno.test("empty, huge and untyped blobs are refused", async () => {
  const { kv, blobs } = await setUp();
  await assert.rejects(blobs.upload(new Uint8Array(), "text/plain"), AppError);
  await assert.rejects(blobs.upload(text("a"), "nonsense"), AppError);
  await assert.rejects(blobs.upload(text("a"), "text/plain\r\nx: y"), AppError);
  await assert.rejects(
    blobs.upload(new Uint8Array(MAX_BLOB_BYTES + 1), "text/plain"),
    (error: unknown) => error instanceof AppError && error.code === "TOO_LARGE",
  );
  kv.close();
});

Deno.test("a blob with a damaged object is hidden, found by a scrub, and repaired by an upload", async () => {
  const { repo, kv, blobs, store } = await setUp();
  const picture = text("picture");
  const ref = await blobs.upload(picture, "image/png");
  await repo.apply([withBlob("a", ref)]);
  const cid = ref.ref.$link;
  const scrub = async () => {
    const items = await Array.fromAsync(new RepoBlobScrub(blobs).items());
    assert.deepEqual(items.map(({ id }) => id), [cid]);
    const outcome = await items[0]?.check(() => Promise.resolve());
    return outcome?.result === "damaged" ? outcome.damage : outcome?.result;
  };
  const served = async () => {
    const opened = await blobs.open(cid);
    return opened && await new Response(opened.body).text();
  };
  const [object] = await Array.fromAsync(store.list("pds/"));
  assert.ok(object);
  const damages: [string, Uint8Array | undefined][] = [
    ["digest", text("Picture")],
    ["size", text("pictur")],
    ["missing", undefined],
  ];
  for (const [damage, bytes] of damages) {
    assert.equal(await scrub(), "right");
    if (bytes) await store.put(object.key, bytes);
    else await store.delete(object.key);
    if (damage !== "digest") assert.equal(await served(), undefined);
    assert.equal(await scrub(), damage);
    assert.equal(await served(), undefined, "hidden");
    if (damage === "size") {
      await store.put(object.key, picture);
      assert.equal(await scrub(), "mended");
    } else {
      await blobs.upload(picture, "image/png");
    }
    assert.equal(await served(), "picture");
  }
  await store.put(object.key, text("Picture"));
  await blobs.upload(picture, "image/png");
  assert.equal(await served(), "picture", "also where nobody has noticed");
  kv.close();
});
