import assert from "node:assert/strict";
import { ALICE, PHOTO, publicStore, query, Setup } from "../testing.ts";

Deno.test("URLs of served objects have the host of the cache in front of the server", async () => {
  await using setup = await Setup.open();
  const cid = setup.network.setPicture(ALICE, PHOTO);
  const service = await setup.service({ publicHost: "cdn.example.com" });
  const { location } = await service.picture(ALICE, "avatar", query());
  assert.equal(
    location,
    `https://cdn.example.com/avatars/${ALICE}/${cid}/default.webp`,
  );
  assert.equal(service.objectOrigin, "https://cdn.example.com");
});

Deno.test("requests are redirected to public URLs of the store, unless it is not publicly readable", async () => {
  await using setup = await Setup.open();
  const cid = setup.network.setPicture(ALICE, PHOTO);
  const store = publicStore(setup.store);
  const direct = await setup.service({}, store);
  const { location } = await direct.picture(ALICE, "avatar", query());
  assert.equal(
    location,
    `https://cdn.example.com/avatars/${ALICE}/${cid}/default.webp`,
  );
  const own = await setup.service({ publicObjects: false }, store);
  const served = await own.picture(ALICE, "avatar", query());
  assert.match(served.location, /^https:\/\/pics\.example\.com\/avatars\//);
});
