import assert from "node:assert/strict";
import { AppError } from "../../errors.ts";
import { DEFAULT_AVATAR_OPTIONS } from "../options.ts";
import type { AvatarService } from "../service.ts";
import {
  ALICE,
  MINUTE,
  OTHER,
  PHOTO,
  publicStore,
  query,
  Setup,
  whileTicking,
} from "../testing.ts";

/** Lets work that nobody waits for end. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 50));

Deno.test("a picture used again after another instance removed it is rendered again", async () => {
  await using setup = await Setup.open();
  const { network, clock, store } = setup;
  const cid = network.setPicture(ALICE, PHOTO);
  const service = await setup.service();
  const other = await setup.service();
  const key = `avatars/${ALICE}/${cid}/default.webp`;
  await service.picture(ALICE, "avatar", query());
  network.setPicture(ALICE, OTHER);
  clock.advance(2 * MINUTE);
  await service.picture(ALICE, "avatar", query());
  clock.advance(DEFAULT_AVATAR_OPTIONS.graceMs);
  assert.equal(await other.sweep(), 1);
  assert.equal(await store.head(key), undefined);
  network.setPicture(ALICE, PHOTO);
  await whileTicking(clock, service.picture(ALICE, "avatar", query()));
  assert.ok(await store.head(key));
});

Deno.test("an object deleted by someone else is missing once, and then rendered again", async () => {
  await using setup = await Setup.open();
  const cid = setup.network.setPicture(ALICE, PHOTO);
  const service = await setup.service();
  const key = `avatars/${ALICE}/${cid}/default.webp`;
  await service.picture(ALICE, "avatar", query());
  await setup.store.delete(key);
  assert.equal(await service.objects.head(key), undefined);
  const again = service.picture(ALICE, "avatar", query());
  await whileTicking(setup.clock, again);
  assert.ok(await service.objects.head(key));
  const { avatar } = await service.describe(ALICE);
  assert.equal(avatar?.variants.length, 1);
});

Deno.test("an object of a public store that was lost is noticed by later requests, and rendered again", async () => {
  await using setup = await Setup.open();
  const cid = setup.network.setPicture(ALICE, PHOTO);
  const store = publicStore(setup.store);
  const service = await setup.service({}, store);
  const other = await setup.service({}, store);
  const key = `avatars/${ALICE}/${cid}/default.webp`;
  await service.picture(ALICE, "avatar", query());
  await other.picture(ALICE, "avatar", query());
  await setup.store.delete(key);
  setup.clock.advance(20_000);
  // The object is looked for while this request is answered.
  await service.picture(ALICE, "avatar", query());
  await settled();
  const ask = (one: AvatarService) =>
    whileTicking(setup.clock, one.picture(ALICE, "avatar", query()));
  assert.equal((await ask(service)).cache, "miss");
  assert.ok(await setup.store.head(key));

  await setup.store.delete(key);
  setup.clock.advance(20_000);
  await other.picture(ALICE, "avatar", query());
  await settled();
  assert.equal(
    (await ask(other)).cache,
    "miss",
    "also on an instance that did not render it",
  );
  const { avatar } = await service.describe(ALICE);
  assert.equal(avatar?.variants.length, 1);
});

Deno.test("a process that has just started looks before it redirects", async () => {
  await using setup = await Setup.open();
  const cid = setup.network.setPicture(ALICE, PHOTO);
  const store = publicStore(setup.store);
  const before = await setup.service({}, store);
  await before.picture(ALICE, "avatar", query());
  const key = `avatars/${ALICE}/${cid}/default.webp`;
  await setup.store.put(key, new Uint8Array(3), { contentType: "image/webp" });
  const started = await setup.service({}, store);
  const again = started.picture(ALICE, "avatar", query());
  assert.equal(
    (await whileTicking(setup.clock, again)).cache,
    "miss",
    "of another size than it was stored with",
  );
  assert.ok((await setup.store.head(key))?.size !== 3);
});

Deno.test("objects are looked for at a bounded rate, and a store that is away costs nothing", async () => {
  await using setup = await Setup.open();
  setup.network.setPicture(ALICE, PHOTO);
  let looks = 0;
  let isAway = false;
  const store = publicStore(setup.store, () => {
    looks++;
    if (isAway) throw new AppError("UNAVAILABLE", "The store is away.");
  });
  const service = await setup.service({ clientPerMinute: 0 }, store);
  const widths = Array.from({ length: 60 }, (_, i) => 10 + i);
  for (const w of widths) {
    await service.picture(ALICE, "avatar", query(`w=${w}`));
  }
  looks = 0;
  setup.clock.advance(20_000);
  for (let round = 0; round < 3; round++) {
    for (const w of widths) {
      const found = service.picture(ALICE, "avatar", query(`w=${w}`));
      assert.equal((await found).cache, "hit");
    }
  }
  assert.ok(looks > 0 && looks <= 20, `${looks} looks`);
  isAway = true;
  setup.clock.advance(60_000);
  for (const w of widths) {
    const found = service.picture(ALICE, "avatar", query(`w=${w}`));
    assert.equal((await found).cache, "hit");
  }
});
