import assert from "node:assert/strict";
import { MemoryBlobStore } from "../../storage/memory.ts";
import type { AvatarService } from "../service.ts";
import { ALICE, PHOTO, query, Setup, whileTicking } from "../testing.ts";

Deno.test("objects of another installation in the same bucket are adopted", async () => {
  await using setup = await Setup.open();
  const cid = setup.network.setPicture(ALICE, PHOTO);
  const key = `avatars/${ALICE}/${cid}/w20-q85.webp`;
  const headers = { contentType: "image/webp" };
  await setup.store.put(key, new Uint8Array([1, 2, 3]), headers);
  const service = await setup.service();
  const { location } = await service.picture(ALICE, "avatar", query("w=20"));
  assert.ok(location.endsWith("/w20-q85.webp"));
  assert.equal(setup.rendered, 0);
});

Deno.test("objects of others are adopted for any number of concurrent requests", async () => {
  await using setup = await Setup.open();
  const cid = setup.network.setPicture(ALICE, PHOTO);
  const sizes = Array.from({ length: 60 }, (_, i) => i + 1);
  for (const w of sizes) {
    const key = `avatars/${ALICE}/${cid}/w${w}-q85.webp`;
    const headers = { contentType: "image/webp" };
    await setup.store.put(key, new Uint8Array([1, 2, 3]), headers);
  }
  const service = await setup.service();
  await Promise.all(
    sizes.map((w) => service.picture(ALICE, "avatar", query(`w=${w}`))),
  );
  const { avatar } = await service.describe(ALICE);
  assert.equal(avatar?.variants.length, 60);
});

Deno.test("what only another store has is not redirected to", async () => {
  await using setup = await Setup.open();
  const cid = setup.network.setPicture(ALICE, PHOTO);
  const old = await setup.service({ storeId: "bucket one" });
  await old.picture(ALICE, "avatar", query());
  await old.picture(ALICE, "avatar", query("w=20"));
  const total = await setup.total();

  const empty = new MemoryBlobStore(setup.clock);
  const moved = await setup.service({ storeId: "bucket two" }, empty);
  const { avatar } = await moved.describe(ALICE);
  assert.deepEqual(avatar?.variants, []);
  const ask = (one: AvatarService, text = "") =>
    whileTicking(setup.clock, one.picture(ALICE, "avatar", query(text)));
  assert.equal((await ask(moved)).cache, "miss");
  const key = `avatars/${ALICE}/${cid}/default.webp`;
  assert.ok(await empty.head(key));
  assert.equal(await setup.total(), total, "nothing is counted twice");

  // Copied by the operator, it is used as it is.
  const copied = await setup.service({ storeId: "bucket three" });
  const rendered = setup.rendered;
  await ask(copied, "w=20");
  assert.equal(setup.rendered, rendered);
  const facts = (await copied.describe(ALICE)).avatar?.variants;
  assert.deepEqual(facts?.map(({ name, width }) => [name, width]), [
    ["w20-q85.webp", 20],
  ]);
});
