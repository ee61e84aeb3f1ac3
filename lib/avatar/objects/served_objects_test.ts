import assert from "node:assert/strict";
import { ALICE, OTHER, PHOTO, query, Setup } from "../testing.ts";

Deno.test("a damaged stored picture is never served, and is rendered again from the right original", async () => {
  await using setup = await Setup.open();
  const cid = setup.network.setPicture(ALICE, PHOTO);
  const service = await setup.service();
  const key = `avatars/${ALICE}/${cid}/default.webp`;
  const original = `avatars/${ALICE}/original/${cid}`;
  await service.picture(ALICE, "avatar", query());
  const right = await setup.store.get(key);
  const bytes = new Uint8Array(await new Response(right?.body).arrayBuffer());
  const rotten = bytes.slice();
  rotten[50] = (rotten[50] ?? 0) ^ 1;
  await setup.store.put(key, rotten, { contentType: "image/webp" });
  await setup.store.put(original, OTHER, { contentType: "image/jpeg" });
  assert.equal(await service.objects.head(key), undefined);
  const other = await setup.service(); // another instance, nothing in memory
  const again = await other.picture(ALICE, "avatar", query());
  assert.equal(again.cache, "miss");
  assert.equal((await other.objects.head(key))?.size, bytes.length);
  const made = await setup.store.get(key);
  assert.deepEqual(
    new Uint8Array(await new Response(made?.body).arrayBuffer()),
    bytes,
  );
  const { variants } = (await other.describe(ALICE)).avatar ?? {};
  assert.ok(variants?.[0] && !("sha256" in variants[0]));
});
