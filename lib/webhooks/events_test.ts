import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import {
  ALICE,
  BOB,
  EVERYTHING,
  logOf,
  pushOf,
  startTestWebhooks,
} from "./testing_webhooks.ts";

const SECOND = 1_000;

Deno.test("a push reaches every matching webhook, once and signed", async () => {
  using rig = await startTestWebhooks();
  const all = await rig.webhooks.create(ALICE, {
    ...EVERYTHING,
    secret: "key",
  });
  const { webhooks } = rig;
  await webhooks.create(ALICE, { ...EVERYTHING, repository: "other" });
  await webhooks.create(ALICE, { ...EVERYTHING, triggers: ["delete"] });
  await webhooks.create(BOB, EVERYTHING);
  const off = await webhooks.create(ALICE, EVERYTHING);
  await webhooks.update({ did: ALICE, id: off.id }, { on: false });
  const event = pushOf("app", ["v1"], rig.clock.now());
  await rig.announce(event);
  await rig.jobs.runDue();
  await rig.announce(event); // A crash may cause it twice.
  await rig.jobs.runDue();
  assert.equal(rig.received.length, 1);
  const [one] = rig.received;
  assert.ok(one);
  assert.equal(JSON.parse(one.body).push_data.tag, "v1");
  assert.equal(one.headers.get("x-webhook-event"), "push");
  assert.equal(
    one.headers.get("x-webhook-signature-256"),
    `sha256=${createHmac("sha256", "key").update(one.body).digest("hex")}`,
  );
  const [kept] = await logOf(rig, all.id);
  assert.equal(kept?.state, "delivered");
  assert.equal(kept?.id, one.headers.get("x-webhook-delivery"));
  assert.deepEqual(kept?.attempts.map(({ status }) => status), [200]);
});

Deno.test("pushes without a tag are sent only to webhooks that include them", async () => {
  using rig = await startTestWebhooks();
  await rig.webhooks.create(ALICE, { ...EVERYTHING, untagged: false });
  for (const tags of [[], [], ["latest"]]) {
    await rig.announce(pushOf("app", tags, rig.clock.now()));
  }
  await rig.jobs.runDue();
  assert.equal(rig.received.length, 1);
  assert.equal(rig.received[0]?.headers.has("x-webhook-signature-256"), false);
});

Deno.test("owners without webhooks cost nothing, until they have one", async () => {
  using rig = await startTestWebhooks();
  assert.equal(await rig.announce(pushOf("app", ["v1"], 0)), true);
  await rig.jobs.runDue();
  assert.equal(await rig.announce(pushOf("app", ["v1"], 0)), false);
  assert.equal(await rig.announce(pushOf("app", ["v1"], 0, BOB)), true);
  await rig.webhooks.create(ALICE, EVERYTHING);
  assert.equal(await rig.announce(pushOf("app", ["v1"], 0)), true);
  // Another instance may have created one.
  await rig.jobs.runDue();
  rig.clock.advance(10 * SECOND);
  assert.equal(await rig.announce(pushOf("app", ["v1"], 0, BOB)), true);
});
