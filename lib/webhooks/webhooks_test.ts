import assert from "node:assert/strict";
import { isAppError } from "../errors.ts";
import {
  ALICE,
  BOB,
  EVERYTHING,
  startTestWebhooks,
  URL_OF_RECEIVER,
} from "./testing_webhooks.ts";

Deno.test("a webhook is shown without its secret, which is stored encrypted", async () => {
  using rig = await startTestWebhooks();
  const made = await rig.webhooks.create(ALICE, {
    ...EVERYTHING,
    secret: "correct horse",
    repository: "team/app",
  });
  assert.equal(made.hasSecret, true);
  assert.equal(made.url, URL_OF_RECEIVER);
  assert.doesNotMatch(JSON.stringify(made), /horse/);
  assert.deepEqual(await rig.webhooks.list(ALICE), [made]);
  const latin = new TextDecoder("latin1");
  for await (const { value } of rig.kv.list({ prefix: ["observed"] })) {
    const text = JSON.stringify(
      value,
      (_, part) => part instanceof Uint8Array ? latin.decode(part) : part,
    );
    assert.doesNotMatch(text, /horse|receiver\.example/);
  }
});

Deno.test("an account cannot access the webhooks of others", async () => {
  using rig = await startTestWebhooks();
  const { id } = await rig.webhooks.create(ALICE, EVERYTHING);
  const ref = { did: BOB, id };
  const page = { cursor: undefined, limit: 10 };
  const calls = [
    () => rig.webhooks.get(ref),
    () => rig.webhooks.update(ref, { on: false }),
    () => rig.webhooks.remove(ref),
    () => rig.webhooks.test(ref),
    () => rig.webhooks.deliveries(ref, page),
    () => rig.webhooks.delivery(ref, "x"),
    () => rig.webhooks.redeliver(ref, "x"),
  ];
  for (const call of calls) {
    await assert.rejects(call, (error) => isAppError(error, "NOT_FOUND"));
  }
  assert.deepEqual(await rig.webhooks.list(BOB), []);
  assert.equal((await rig.webhooks.list(ALICE)).length, 1);
});

Deno.test("an account has at most 20 webhooks, even when created concurrently", async () => {
  using rig = await startTestWebhooks();
  for (let i = 0; i < 18; i++) await rig.webhooks.create(ALICE, EVERYTHING);
  const results = await Promise.allSettled(
    Array.from({ length: 5 }, () => rig.webhooks.create(ALICE, EVERYTHING)),
  );
  const made = results.filter(({ status }) => status === "fulfilled");
  assert.equal(made.length, 2);
  assert.equal((await rig.webhooks.list(ALICE)).length, 20);
  await rig.webhooks.create(BOB, EVERYTHING);
});

Deno.test("an invalid webhook is refused", async () => {
  using rig = await startTestWebhooks();
  const wrong = [
    { url: "http://10.0.0.1/" },
    { secret: "" },
    { secret: "x".repeat(257) },
    { triggers: [] },
    { repository: "Upper" },
    { repository: "a//b" },
  ];
  for (const part of wrong) {
    await assert.rejects(
      rig.webhooks.create(ALICE, { ...EVERYTHING, ...part }),
      (error) => isAppError(error, "INVALID_REQUEST", "NAME_INVALID"),
      JSON.stringify(part),
    );
  }
  assert.deepEqual(await rig.webhooks.list(ALICE), []);
});

Deno.test("a change keeps the fields that it does not contain", async () => {
  using rig = await startTestWebhooks();
  const made = await rig.webhooks.create(ALICE, {
    ...EVERYTHING,
    secret: "key",
    repository: "app",
  });
  const ref = { did: ALICE, id: made.id };
  const url = "https://hooks.slack.com/services/T/B/x";
  const moved = await rig.webhooks.update(ref, { url });
  assert.deepEqual(moved, {
    ...made,
    url: "https://hooks.slack.com/…",
    form: "slack",
  });
  const open = await rig.webhooks.update(ref, {
    secret: undefined,
    repository: undefined,
    triggers: ["delete"],
  });
  assert.equal(open.hasSecret, false);
  assert.equal(open.repository, undefined);
  assert.deepEqual(open.triggers, ["delete"]);
  const off = await rig.webhooks.update(ref, { on: false });
  assert.match(off.off?.reason ?? "", /You/);
  assert.equal(
    (await rig.webhooks.update(ref, { untagged: false })).off?.at,
    off.off?.at,
  );
  assert.equal((await rig.webhooks.update(ref, { on: true })).off, undefined);
});

Deno.test("a deleted webhook leaves nothing", async () => {
  using rig = await startTestWebhooks();
  const { id } = await rig.webhooks.create(ALICE, EVERYTHING);
  const ref = { did: ALICE, id };
  await rig.webhooks.test(ref);
  await rig.webhooks.remove(ref);
  const keys: unknown[] = [];
  for await (const { key } of rig.kv.list({ prefix: ["observed"] })) {
    keys.push(key[1]);
  }
  assert.deepEqual(keys, ["webhook_turn"]);
});

Deno.test("a test is sent at once, kept in the log, and returns its result", async () => {
  using rig = await startTestWebhooks();
  const { id } = await rig.webhooks.create(ALICE, {
    ...EVERYTHING,
    repository: "app",
  });
  const ref = { did: ALICE, id };
  const good = await rig.webhooks.test(ref);
  assert.equal(good.state, "delivered");
  assert.equal(good.test, true);
  assert.equal(good.attempts[0]?.response, "ok");
  assert.equal(JSON.parse(good.body).repository.name, "alice.test/app");
  rig.clock.advance(1);
  rig.state.answer = () =>
    new Response(null, {
      status: 302,
      headers: { location: "http://127.0.0.1/" },
    });
  const bad = await rig.webhooks.test(ref);
  assert.equal(bad.state, "failed");
  assert.equal(bad.attempts[0]?.error, "The receiver answered 302.");
  const log = { cursor: undefined, limit: 1 };
  const first = await rig.webhooks.deliveries(ref, log);
  assert.deepEqual(first.deliveries, [bad]);
  const { cursor } = first;
  const second = await rig.webhooks.deliveries(ref, { cursor, limit: 1 });
  assert.deepEqual(second, { deliveries: [good], cursor: undefined });
  await assert.rejects(
    rig.webhooks.deliveries(ref, { cursor: "x", limit: 1 }),
    (error) => isAppError(error, "INVALID_REQUEST"),
  );
  // Testing a webhook does not disable it.
  assert.equal((await rig.webhooks.get(ref)).failures, 0);
});

Deno.test("tests of webhooks are rate limited", async () => {
  using rig = await startTestWebhooks();
  const { id } = await rig.webhooks.create(ALICE, EVERYTHING);
  const ref = { did: ALICE, id };
  for (let i = 0; i < 30; i++) await rig.webhooks.test(ref);
  await assert.rejects(
    rig.webhooks.test(ref),
    (error) => isAppError(error, "TOOMANYREQUESTS"),
  );
  assert.equal(rig.received.length, 30);
});
