import assert from "node:assert/strict";
import { fixture } from "../../tests/support/images.ts";
import { AppError, isAppError } from "../errors.ts";
import { DEFAULT_AVATAR_OPTIONS } from "./options.ts";
import { sniff } from "./image/sniff/sniff.ts";
import {
  ALICE,
  MINUTE,
  OTHER,
  PHOTO,
  query,
  Setup,
  whileTicking,
} from "./testing.ts";

const CHANGED = { identity: false, gone: false };

const DOWN = new AppError("UPSTREAM_FAILED", "The PDS is down.");

Deno.test("a picture is stored under the keys of the original service and redirected to", async () => {
  await using setup = await Setup.open();
  const cid = setup.network.setPicture(ALICE, PHOTO);
  const service = await setup.service();
  const found = await service.picture("alice.test", "avatar", query());
  assert.deepEqual(found, {
    location: `https://pics.example.com/avatars/${ALICE}/${cid}/default.webp`,
    cache: "miss",
  });
  await service.picture(ALICE, "avatar", query("w=20&h=20"));
  await service.picture(ALICE, "avatar", query("w=20&f=png"));
  assert.deepEqual(await setup.keys(), [
    `avatars/${ALICE}/${cid}/default.webp`,
    `avatars/${ALICE}/${cid}/w20-h20-q85.webp`,
    `avatars/${ALICE}/${cid}/w20.png`,
    `avatars/${ALICE}/original/${cid}`,
  ]);
  const original = await setup.store.get(`avatars/${ALICE}/original/${cid}`);
  assert.ok(original);
  assert.equal(original.info.contentType, "image/jpeg");
  assert.equal(
    original.info.cacheControl,
    "public, max-age=31536000, immutable",
  );
  const bytes = new Uint8Array(await new Response(original.body).arrayBuffer());
  assert.deepEqual(bytes, PHOTO);
});

Deno.test("five hundred requests for a variant cause one fetch and one rendering, on two instances too", async () => {
  await using setup = await Setup.open();
  setup.network.setPicture(ALICE, PHOTO);
  const gate = Promise.withResolvers<void>();
  setup.network.gate = gate.promise;
  const services = [await setup.service(), await setup.service()];
  const requests = Array.from({ length: 500 }, (_, i) => {
    const identifier = i % 3 === 0 ? ALICE : "alice.test";
    return services[i % 2]?.picture(identifier, "avatar", query("w=20"));
  });
  gate.resolve();
  // The second instance waits for the lease of the first, by the clock.
  const found = await whileTicking(setup.clock, Promise.all(requests));
  assert.equal(new Set(found.map((one) => one?.location)).size, 1);
  assert.equal(setup.rendered, 1);
  assert.equal(setup.network.asked.blob, 1);
});

Deno.test("a profile is not fetched again while it is fresh, afterwards it is", async () => {
  await using setup = await Setup.open();
  setup.network.setPicture(ALICE, PHOTO);
  const service = await setup.service();
  await service.picture("alice.test", "avatar", query());
  setup.clock.advance(59_000);
  const hit = await service.picture("alice.test", "avatar", query());
  assert.equal(hit.cache, "hit");
  assert.equal(setup.network.asked.record, 1);

  const changed = setup.network.setPicture(ALICE, OTHER);
  setup.clock.advance(2_000);
  const next = await service.picture("alice.test", "avatar", query());
  assert.match(next.location, new RegExp(changed));
  assert.equal(setup.network.asked.record, 2);
});

Deno.test("an event of the network shows a new picture at once", async () => {
  await using setup = await Setup.open();
  setup.network.setPicture(ALICE, PHOTO);
  const service = await setup.service();
  await service.picture("alice.test", "avatar", query());
  const changed = setup.network.setPicture(ALICE, OTHER);
  await service.invalidate(ALICE, CHANGED);
  const next = await service.picture("alice.test", "avatar", query());
  assert.match(next.location, new RegExp(changed));
  await service.invalidate("did:plc:nobodyaskedforthisone222", CHANGED);
});

Deno.test("while the PDS is down the old picture is returned, in new sizes too", async () => {
  await using setup = await Setup.open();
  const cid = setup.network.setPicture(ALICE, PHOTO);
  const service = await setup.service();
  await service.picture("alice.test", "avatar", query());
  setup.network.down = DOWN;
  setup.clock.advance(2 * MINUTE);
  const old = await service.picture("alice.test", "avatar", query());
  assert.equal(old.cache, "stale");
  const fresh = await setup.service(); // another instance, nothing in memory
  const sized = await fresh.picture("alice.test", "avatar", query("w=30"));
  assert.match(sized.location, new RegExp(`${cid}/w30-q85.webp`));

  const asked = setup.network.asked.record;
  setup.clock.advance(3_000);
  await service.picture("alice.test", "avatar", query());
  assert.equal(setup.network.asked.record, asked, "the PDS is left alone");

  setup.clock.advance(8 * 24 * 60 * MINUTE);
  await assert.rejects(
    service.picture("alice.test", "avatar", query()),
    (error) => isAppError(error, "UPSTREAM_FAILED"),
  );
});

Deno.test("a slow PDS or directory delays a request for a cached picture only briefly", async () => {
  await using setup = await Setup.open();
  setup.network.setPicture(ALICE, PHOTO);
  const service = await setup.service();
  await service.picture("alice.test", "avatar", query());
  setup.clock.advance(2 * MINUTE);
  const gate = Promise.withResolvers<void>();
  setup.network.gate = gate.promise;
  const waiting = service.picture("alice.test", "avatar", query());
  const ticking = setInterval(() => setup.clock.advance(50), 2);
  assert.equal((await waiting).cache, "stale");
  clearInterval(ticking);
  gate.resolve();
  const { staleWaitMs } = DEFAULT_AVATAR_OPTIONS;
  assert.equal(setup.network.patienceMs, staleWaitMs);
});

Deno.test("other profiles are read if the first has no picture, by one more call", async () => {
  await using setup = await Setup.open();
  const { network } = setup;
  network.setRecord(ALICE, "app.bsky.actor.profile", { displayName: "A" });
  const cid = network.setPicture(ALICE, PHOTO, {
    collection: "so.sprk.actor.profile",
  });
  const service = await setup.service();
  const found = await service.picture("alice.test", "avatar", query());
  assert.match(found.location, new RegExp(cid));
  assert.deepEqual(
    [network.asked.collections, network.asked.record],
    [1, 2],
  );
  const { avatar } = await service.describe("alice.test");
  assert.equal(avatar?.source.collection, "so.sprk.actor.profile");
});

Deno.test("missing accounts, missing pictures and invalid pictures are cached for a short time only", async () => {
  await using setup = await Setup.open();
  const { network } = setup;
  const service = await setup.service();
  const ask = (identifier: string, kind: "avatar" | "banner" = "avatar") =>
    service.picture(identifier, kind, query());
  const rejects = (
    promise: Promise<unknown>,
    code: "NAME_UNKNOWN" | "NOT_FOUND" | "UNSUPPORTED_MEDIA_TYPE",
  ) => assert.rejects(promise, (error) => isAppError(error, code));

  await rejects(ask("nobody.test"), "NAME_UNKNOWN");
  await rejects(ask("nobody.test"), "NAME_UNKNOWN");
  assert.equal(network.asked.identity, 1);
  await rejects(ask("alice.test"), "NOT_FOUND");
  await rejects(ask("alice.test"), "NOT_FOUND");
  assert.equal(network.asked.record, 1);

  network.setPicture(ALICE, fixture("poly/html-as.png"));
  setup.clock.advance(MINUTE + 1);
  await rejects(ask("alice.test"), "UNSUPPORTED_MEDIA_TYPE");
  await rejects(ask("alice.test"), "UNSUPPORTED_MEDIA_TYPE");
  assert.equal(network.asked.blob, 1);
  assert.deepEqual(await setup.keys(), [], "nothing of it is stored");

  network.setPicture(ALICE, PHOTO);
  setup.clock.advance(MINUTE + 1);
  await ask("alice.test");
  await rejects(ask("alice.test", "banner"), "NOT_FOUND");
});

Deno.test("entries cached by a fast clock expire once it is set back", async () => {
  await using setup = await Setup.open();
  const { network, clock } = setup;
  const day = 86_400_000;
  const service = await setup.service();
  const ask = () => service.picture("alice.test", "avatar", query());
  clock.advance(day);
  await assert.rejects(ask(), (error) => isAppError(error, "NOT_FOUND"));
  network.setPicture(ALICE, fixture("poly/html-as.png"));
  clock.setBack(day);
  await assert.rejects(
    ask(),
    (error) => isAppError(error, "UNSUPPORTED_MEDIA_TYPE"),
  );
  network.setPicture(ALICE, PHOTO);
  clock.advance(MINUTE + 1);
  await ask();
});

Deno.test("a replaced picture is removed after the grace period, one in use is not", async () => {
  await using setup = await Setup.open();
  const { network, clock } = setup;
  const first = network.setPicture(ALICE, PHOTO);
  const service = await setup.service();
  await service.picture("alice.test", "avatar", query());
  await service.picture("alice.test", "avatar", query("w=20"));
  const second = network.setPicture(ALICE, OTHER);
  clock.advance(2 * MINUTE);
  await service.picture("alice.test", "avatar", query());
  assert.equal(await service.sweep(), 0, "not yet");
  clock.advance(24 * 60 * MINUTE);
  assert.equal(await service.sweep(), 1);
  assert.ok((await setup.keys()).every((key) => key.includes(second)));

  // Back to the first: it is rendered again, because its objects are gone.
  network.setPicture(ALICE, PHOTO);
  const again = await service.picture("alice.test", "avatar", query());
  assert.match(again.location, new RegExp(first));
  assert.ok((await setup.keys()).some((key) => key.includes(first)));
});

Deno.test("the pictures of a deleted account are removed after the grace period", async () => {
  await using setup = await Setup.open();
  const { network, clock } = setup;
  network.setPicture(ALICE, PHOTO);
  const service = await setup.service();
  await service.picture(ALICE, "avatar", query());
  network.removeAccount(ALICE);
  clock.advance(2 * MINUTE);
  await assert.rejects(
    service.picture(ALICE, "avatar", query()),
    (error) => isAppError(error, "NAME_UNKNOWN"),
  );
  clock.advance(DEFAULT_AVATAR_OPTIONS.graceMs);
  assert.equal(await service.sweep(), 1);
  assert.deepEqual(await setup.keys(), []);
});

Deno.test("a picture that is used again within the grace period stays", async () => {
  await using setup = await Setup.open();
  const { network, clock } = setup;
  const service = await setup.service();
  const show = async (bytes: Uint8Array) => {
    const cid = network.setPicture(ALICE, bytes);
    clock.advance(2 * MINUTE);
    await service.picture("alice.test", "avatar", query());
    return cid;
  };
  const first = await show(PHOTO);
  await show(OTHER);
  await show(PHOTO);
  clock.advance(24 * 60 * MINUTE);
  await service.sweep();
  assert.ok((await setup.keys()).some((key) => key.includes(first)));
});

Deno.test("the description contains record, picture and variants", async () => {
  await using setup = await Setup.open();
  const cid = setup.network.setPicture(ALICE, PHOTO);
  setup.network.setPicture(ALICE, OTHER, { kind: "banner" });
  const service = await setup.service();
  await service.picture(ALICE, "avatar", query("w=20"));
  const { did, handle, avatar, banner } = await service.describe(ALICE);
  assert.deepEqual([did, handle], [ALICE, "alice.test"]);
  assert.equal(avatar?.cid, cid);
  assert.equal(
    avatar.source.uri,
    `at://${ALICE}/app.bsky.actor.profile/self`,
  );
  assert.equal(avatar.original?.width, 256);
  assert.equal(avatar.original.size, PHOTO.length);
  assert.deepEqual(
    avatar.variants.map(({ name, width }) => [name, width]),
    [["w20-q85.webp", 20]],
  );
  assert.deepEqual(banner?.variants, []);
});

Deno.test("a placeholder is SVG, or in the requested format", async () => {
  await using setup = await Setup.open();
  const service = await setup.service();
  const svg = await service.placeholder("initials", "alice.test", query());
  assert.equal(svg.contentType, "image/svg+xml");
  const webp = await service.placeholder(
    "identicon",
    "alice.test",
    query("w=40&f=webp"),
  );
  assert.equal(webp.contentType, "image/webp");
  const info = sniff(webp.bytes);
  assert.deepEqual([info?.width, info?.height], [40, 40]);
});
