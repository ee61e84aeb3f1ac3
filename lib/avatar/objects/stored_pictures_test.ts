import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { CID } from "multiformats/cid";
import { create } from "multiformats/hashes/digest";
import type { Did } from "../../did.ts";
import { MemoryBlobStore } from "../../storage/memory.ts";
import { imageKey, variantKey } from "../kv_keys.ts";
import {
  type ObjectName,
  originalKey,
  variantObjectKey,
} from "../picture_keys.ts";
import { PictureScrub } from "./picture_scrub.ts";
import { StoredPictures } from "./stored_pictures.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import { openKv } from "../../kv/open_kv.ts";

const DID: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const BYTES = new Uint8Array(500).fill(7);
const CID_TEXT = CID.createV1(
  0x55,
  create(0x12, createHash("sha256").update(BYTES).digest()),
).toString();
const VARIANT: ObjectName = { did: DID, cid: CID_TEXT, variant: "w20.webp" };
const ORIGINAL: ObjectName = { did: DID, cid: CID_TEXT, variant: undefined };
const VARIANT_OBJECT = variantObjectKey(DID, CID_TEXT, "w20.webp");
const ORIGINAL_OBJECT = originalKey(DID, CID_TEXT);

async function open() {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const gets: string[] = [];
  const store = new class extends MemoryBlobStore {
    override get(...args: Parameters<MemoryBlobStore["get"]>) {
      gets.push(args[0]);
      return super.get(...args);
    }
  }(clock);
  const damaged: string[] = [];
  const gone: ObjectName[] = [];
  const pictures = () =>
    new StoredPictures({
      kv,
      store,
      storeId: "here",
      log: silentLogger,
      observer: { pictureDamaged: (what) => damaged.push(what) },
      onGone: (name) => Promise.resolve(void gone.push(name)),
    });
  const row = {
    size: BYTES.length,
    width: 20,
    height: 20,
    createdAt: clock.now(),
    sha256: createHash("sha256").update(BYTES).digest("hex"),
  };
  await kv.set(variantKey(DID, CID_TEXT, "w20.webp"), row);
  await kv.set(imageKey(DID, CID_TEXT), { variants: 1, countedFrom: 0 });
  const put = async (
    { bytes = BYTES, types = ["image/webp", "image/jpeg"] } = {},
  ) => {
    const [variantType, originalType] = types;
    const headers = (contentType: string | undefined) =>
      contentType === undefined ? {} : { contentType };
    await store.put(VARIANT_OBJECT, bytes, headers(variantType));
    await store.put(ORIGINAL_OBJECT, bytes, headers(originalType));
  };
  await put();
  return {
    ...{ kv, store, damaged, gone, gets, pictures, put },
    [Symbol.dispose]: () => kv.close(),
  };
}

function changed(change: (bytes: Uint8Array) => Uint8Array) {
  return { bytes: new Uint8Array(change(BYTES.slice())) };
}

const FLIPPED = changed((bytes) => bytes.fill(8, 100, 101));

Deno.test("an intact picture is found, and read once to verify it", async () => {
  using setup = await open();
  const pictures = setup.pictures();
  for (const name of [VARIANT, ORIGINAL]) {
    for (let i = 0; i < 3; i++) {
      assert.equal((await pictures.find(name))?.size, BYTES.length);
    }
  }
  assert.deepEqual(setup.gets, [VARIANT_OBJECT, ORIGINAL_OBJECT]);
  await setup.put();
  assert.ok(await pictures.find(VARIANT), "another version of the object");
  assert.equal(setup.gets.length, 3);
});

Deno.test("a picture with other bytes or headers is not found and is removed", async () => {
  const wrong = {
    digest: FLIPPED,
    size: changed((bytes) => bytes.subarray(1)),
    headers: { types: ["text/html", "text/html"] },
  };
  for (const [what, change] of Object.entries(wrong)) {
    using setup = await open();
    const pictures = setup.pictures();
    await pictures.find(VARIANT);
    await setup.put(change);
    for (const name of [VARIANT, ORIGINAL]) {
      assert.equal(await pictures.find(name), undefined, what);
    }
    assert.equal(setup.damaged[0], what);
    assert.equal(setup.damaged.length, 2);
    assert.deepEqual(setup.gone.slice(0, 2), [VARIANT, ORIGINAL]);
    assert.deepEqual(await Array.fromAsync(setup.store.list("")), []);
  }
});

Deno.test("variants of earlier versions, without a hash, are compared by size and type", async () => {
  using setup = await open();
  const key = variantKey(DID, CID_TEXT, "w20.webp");
  await setup.kv.set(key, { size: BYTES.length, createdAt: 0 });
  assert.ok(await setup.pictures().find(VARIANT));
  await setup.put(changed((bytes) => bytes.subarray(1)));
  assert.equal(await setup.pictures().find(VARIANT), undefined);
  // Without a row it belongs to another installation.
  await setup.kv.delete(key);
  await setup.put(FLIPPED);
  assert.ok(await setup.pictures().find(VARIANT));
});

Deno.test("a damaged original is not mistaken for the uploaded picture", async () => {
  using setup = await open();
  const pictures = setup.pictures();
  assert.equal(await pictures.isOriginal(ORIGINAL, BYTES), true);
  assert.equal(await pictures.isOriginal(ORIGINAL, FLIPPED.bytes), false);
  assert.equal(await setup.store.head(ORIGINAL_OBJECT), undefined);
});

Deno.test("a scrub finds damaged pictures; a missing original is not damage", async () => {
  using setup = await open();
  const scrub = async (kind: "avatar variants" | "avatar originals") => {
    const source = new PictureScrub(kind, setup.kv, setup.pictures(), "here");
    const items = await Array.fromAsync(source.items());
    const [item] = items;
    assert.ok(item && items.length === 1);
    assert.deepEqual(await Array.fromAsync(source.items(item.id)), []);
    assert.equal(
      (await Array.fromAsync(source.items("did:plc:a"))).length,
      1,
    );
    assert.match(source.randomId(), /^did:plc:[a-z2-7]{4}$/);
    const outcome = await item.check(() => Promise.resolve());
    return outcome.result === "damaged" ? outcome.damage : outcome.result;
  };
  assert.equal(await scrub("avatar variants"), "right");
  assert.equal(await scrub("avatar originals"), "right");
  await setup.put(FLIPPED);
  assert.equal(await scrub("avatar variants"), "digest");
  assert.equal(await scrub("avatar originals"), "digest");
  assert.equal(await scrub("avatar variants"), "missing");
  assert.equal(await scrub("avatar originals"), "changed");
});
