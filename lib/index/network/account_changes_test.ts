import assert from "node:assert/strict";
import { ALICE, BOB, NetworkRig, STAR } from "./testing_network.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

Deno.test("known accounts are hidden, shown again and listed; an older report counts no more", async () => {
  await using rig = await NetworkRig.start();
  const { repos, handler } = rig;
  await rig.take(repos.star(ALICE, "a"));
  await rig.work();
  rig.clock.advance(HOUR);
  const off = repos.setStatus(ALICE, "deactivated");
  await rig.take(off, repos.setStatus(BOB, "deactivated"));
  repos.star(ALICE, "b");
  rig.clock.advance(1);
  const on = repos.setStatus(ALICE, "active");
  await rig.take(on);
  await rig.take(off);
  await rig.work();
  assert.deepEqual(handler.heard, ["alice deactivated", "alice active"]);
  assert.ok(handler.records.has(`${ALICE}/${STAR}/b`));
});

Deno.test("of a deleted account every record is taken away, unless it exists after all", async () => {
  await using rig = await NetworkRig.start();
  const { repos, handler } = rig;
  for (let i = 0; i < 20; i++) await rig.take(repos.star(ALICE, `s${i}`));
  await rig.take(repos.star(BOB, "a"));
  await rig.work();
  rig.clock.advance(HOUR);
  const lie = repos.setStatus(ALICE, "deleted");
  repos.repo(ALICE).status = "active";
  await rig.take(lie);
  await rig.work();
  assert.deepEqual(handler.heard, ["alice deleted", "alice active"]);
  assert.equal(handler.records.size, 21);
  rig.clock.advance(HOUR);
  await rig.take(repos.setStatus(ALICE, "deleted"));
  await rig.work();
  assert.deepEqual([...handler.records.keys()], [`${BOB}/${STAR}/a`]);
  assert.equal(await rig.network.accounts.get(ALICE), undefined);
  rig.clock.advance(8 * DAY);
  await rig.work();
  assert.equal(await rig.network.accounts.get(ALICE), undefined);
});

Deno.test("a new handle is looked up, as often as the servers need", async () => {
  await using rig = await NetworkRig.start();
  const { repos, handler } = rig;
  await rig.take(repos.star(ALICE, "a"));
  await rig.work();
  repos.repo(ALICE).handle = "alice.example.com";
  repos.down = true;
  await rig.take(repos.tell(ALICE, "identity"), repos.tell(BOB, "identity"));
  await rig.work();
  assert.deepEqual(handler.heard, []);
  repos.down = false;
  rig.clock.advance(10_000);
  await rig.work();
  assert.deepEqual(handler.heard, ["alice is alice.example.com"]);
});
