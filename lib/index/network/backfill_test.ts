import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { ALICE, NetworkRig, STAR } from "./testing_network.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

Deno.test("everything is listed page by page, also when the work is cut short", async () => {
  await using rig = await NetworkRig.start();
  const dids = Array.from(
    { length: 30 },
    (_, i): Did =>
      `did:plc:${"abcdefghijklmnopqrstuvwx".slice(0, 22)}${BASE32[i % 32]}${
        BASE32[i >> 5]
      }`,
  );
  rig.relayPages = Array.from(
    { length: 10 },
    (_, i) => dids.slice(3 * i, 3 * i + 3),
  );
  rig.restart();
  for (const did of dids) rig.repos.star(did, "a");
  await rig.listAll();
  for (let i = 0; i < 100 && await rig.work(1) > 0; i++) rig.restart();
  assert.deepEqual(rig.handler.records, rig.expected());
  // Not three times, although three collections name each; work that is cut short may repeat one.
  assert.ok(rig.repos.listings >= 30 && rig.repos.listings < 45);
  // Known accounts are listed even when the relay does not name them any more.
  rig.relayPages = [[]];
  for (const did of dids) rig.repos.write(did, STAR, "a", undefined);
  rig.clock.advance(1000);
  await rig.listAll();
  await rig.work();
  assert.deepEqual(rig.handler.records, rig.expected());
});

Deno.test("a relay that does not answer is asked again in a week", async () => {
  await using rig = await NetworkRig.start();
  rig.relayPages = [[ALICE]];
  rig.repos.star(ALICE, "a");
  rig.repos.relayIsDown = true;
  rig.restart();
  await rig.listAll();
  for (let i = 0; i < 70; i++) {
    await rig.work();
    rig.clock.advance(HOUR);
  }
  assert.equal(rig.handler.records.size, 0);
  rig.repos.relayIsDown = false;
  rig.clock.advance(8 * DAY);
  await rig.work();
  assert.deepEqual(rig.handler.records, rig.expected());
});

Deno.test("everything is listed when more collections are followed than before", async () => {
  await using rig = await NetworkRig.start();
  await rig.take(rig.repos.star(ALICE, "a"));
  await rig.network.noteCollections();
  await rig.work();
  rig.handler.collections.push("io.atcr.repo.page");
  rig.repos.write(ALICE, "io.atcr.repo.page", "app", {
    $type: "io.atcr.repo.page",
    repository: "app",
    createdAt: "2026-01-01T00:00:00Z",
    updatedAt: "2026-01-01T00:00:00Z",
  });
  rig.restart();
  rig.clock.advance(1);
  await rig.network.noteCollections();
  assert.ok(await rig.work() > 0);
  assert.deepEqual(rig.handler.records, rig.expected());
  await rig.network.noteCollections();
  assert.equal(await rig.work(), 0);
});
