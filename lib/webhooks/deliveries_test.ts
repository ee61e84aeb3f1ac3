import assert from "node:assert/strict";
import { AppError } from "../errors.ts";
import { listDeadJobs } from "../kv/jobs/jobs.ts";
import {
  ALICE,
  EVERYTHING,
  logOf,
  pushOf,
  startTestWebhooks,
  type TestWebhooks,
} from "./testing_webhooks.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** Runs due jobs for `ms`, polling every five seconds. */
async function pass(rig: TestWebhooks, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 5 * SECOND) {
    rig.clock.advance(5 * SECOND);
    await rig.jobs.runDue();
  }
}

Deno.test("a failed delivery is retried after 30 seconds, 2 and 8 minutes", async () => {
  using rig = await startTestWebhooks();
  const { id } = await rig.webhooks.create(ALICE, EVERYTHING);
  rig.state.answer = () => new Response("not now", { status: 500 });
  await rig.announce(pushOf("app", ["v1"], rig.clock.now()));
  await rig.jobs.runDue();
  await pass(rig, 30 * MINUTE);
  const times = rig.received.map(({ at }) => at);
  const pauses = times.slice(1).map((at, i) => at - (times[i] ?? 0));
  assert.equal(pauses.length, 3);
  for (const [i, wanted] of [30, 120, 480].entries()) {
    const pause = (pauses[i] ?? 0) / SECOND;
    assert.ok(pause >= wanted && pause <= wanted * 1.25 + 5, `${pause}`);
  }
  assert.equal(new Set(rig.received.map(({ body }) => body)).size, 1);
  const [row] = await logOf(rig, id);
  assert.equal(row?.state, "failed");
  assert.equal(row?.attempts.length, 4);
  assert.equal(row?.attempts[3]?.error, "The receiver answered 500.");
  assert.deepEqual(rig.outcomes, ["retried", "retried", "retried", "failed"]);
  // Failures concern the owner, not the operator.
  assert.deepEqual(await listDeadJobs(rig.kv), []);
});

Deno.test("a delivery that succeeds later counts", async () => {
  using rig = await startTestWebhooks();
  const { id } = await rig.webhooks.create(ALICE, EVERYTHING);
  rig.state.answer = () => {
    throw new AppError("UPSTREAM_FAILED", "The server could not be reached.");
  };
  await rig.announce(pushOf("app", ["v1"], rig.clock.now()));
  await rig.jobs.runDue();
  rig.state.answer = () => new Response(null, { status: 204 });
  await pass(rig, MINUTE);
  const [row] = await logOf(rig, id);
  assert.equal(row?.state, "delivered");
  assert.equal(row?.attempts[0]?.error, "The server could not be reached.");
});

Deno.test("a webhook is disabled with the reason after ten consecutive failed deliveries", async () => {
  using rig = await startTestWebhooks();
  const { id } = await rig.webhooks.create(ALICE, EVERYTHING);
  const ref = { did: ALICE, id };
  rig.state.answer = () => new Response(null, { status: 503 });
  for (let i = 0; i < 9; i++) {
    await rig.announce(pushOf("app", ["v1"], rig.clock.now()));
  }
  await pass(rig, 20 * MINUTE);
  assert.equal((await rig.webhooks.get(ref)).failures, 9);
  // A successful delivery resets the count.
  rig.state.answer = () => new Response();
  await rig.announce(pushOf("app", ["v1"], rig.clock.now()));
  await pass(rig, 5 * SECOND);
  assert.equal((await rig.webhooks.get(ref)).failures, 0);
  rig.state.answer = () => new Response(null, { status: 503 });
  for (let i = 0; i < 12; i++) {
    await rig.announce(pushOf("app", ["v1"], rig.clock.now()));
  }
  await pass(rig, 20 * MINUTE);
  const { off } = await rig.webhooks.get(ref);
  assert.match(off?.reason ?? "", /^10 deliveries in a row .* 503/);
  const before = rig.received.length;
  await rig.announce(pushOf("app", ["v1"], rig.clock.now()));
  await pass(rig, MINUTE);
  assert.equal(rig.received.length, before);
  const on = await rig.webhooks.update(ref, { on: true });
  assert.deepEqual([on.failures, on.off], [0, undefined]);
});

Deno.test("a receiver that is gone is not called again", async () => {
  using rig = await startTestWebhooks();
  const { id } = await rig.webhooks.create(ALICE, EVERYTHING);
  rig.state.answer = () => new Response(null, { status: 410 });
  await rig.announce(pushOf("app", ["v1"], rig.clock.now()));
  await rig.jobs.runDue();
  await rig.announce(pushOf("app", ["v1"], rig.clock.now()));
  await pass(rig, 20 * MINUTE);
  assert.equal(rig.received.length, 1);
  const { off } = await rig.webhooks.get({ did: ALICE, id });
  assert.match(off?.reason ?? "", /410/);
});

Deno.test("a receiver's Retry-After is respected", async () => {
  using rig = await startTestWebhooks();
  await rig.webhooks.create(ALICE, EVERYTHING);
  const headers = { "retry-after": "300" };
  rig.state.answer = () => new Response(null, { status: 429, headers });
  await rig.announce(pushOf("app", ["v1"], rig.clock.now()));
  await rig.jobs.runDue();
  await pass(rig, 290 * SECOND);
  assert.equal(rig.received.length, 1);
  await pass(rig, 20 * SECOND);
  assert.equal(rig.received.length, 2);
});

Deno.test("the log keeps 25 deliveries, and the queue is bounded", async () => {
  using rig = await startTestWebhooks();
  const { id } = await rig.webhooks.create(ALICE, EVERYTHING);
  for (let i = 0; i < 40; i++) {
    rig.clock.advance(SECOND);
    await rig.announce(pushOf("app", [`v${i}`], rig.clock.now()));
    await rig.jobs.runDue();
  }
  const log = await logOf(rig, id);
  assert.equal(log.length, 25);
  assert.equal(JSON.parse(log[0]?.body ?? "").push_data.tag, "v39");
  rig.state.answer = () => new Response(null, { status: 500 });
  for (let i = 0; i < 150; i++) {
    await rig.announce(pushOf("app", ["w"], rig.clock.now()));
  }
  await rig.jobs.runDue();
  assert.equal((await logOf(rig, id)).length, 100);
  const dropped = rig.outcomes.filter((outcome) => outcome === "dropped");
  // Concurrent events may find the same room.
  assert.ok(dropped.length >= 40, `${dropped.length}`);
});

Deno.test("a delivery is sent again on request with the same body", async () => {
  using rig = await startTestWebhooks();
  const { id } = await rig.webhooks.create(ALICE, EVERYTHING);
  const ref = { did: ALICE, id };
  await rig.announce(pushOf("app", ["v1"], rig.clock.now()));
  await rig.jobs.runDue();
  const [first] = await logOf(rig, id);
  rig.clock.advance(SECOND);
  const again = await rig.webhooks.redeliver(ref, first?.id ?? "");
  assert.equal(again.state, "delivered");
  assert.notEqual(again.id, first?.id);
  assert.equal(rig.received[1]?.body, rig.received[0]?.body);
});

Deno.test("a webhook deleted while a delivery is queued is not called", async () => {
  using rig = await startTestWebhooks();
  const { id } = await rig.webhooks.create(ALICE, EVERYTHING);
  rig.state.answer = () => new Response(null, { status: 500 });
  await rig.announce(pushOf("app", ["v1"], rig.clock.now()));
  await rig.jobs.runDue();
  await rig.webhooks.remove({ did: ALICE, id });
  await pass(rig, 20 * MINUTE);
  assert.equal(rig.received.length, 1);
});

Deno.test("only the beginning of the response is stored, without control characters", async () => {
  using rig = await startTestWebhooks();
  const { id } = await rig.webhooks.create(ALICE, EVERYTHING);
  let cancelled = false;
  rig.state.answer = () =>
    new Response(
      new ReadableStream({
        pull: (stream) =>
          stream.enqueue(
            new TextEncoder().encode(`\u001b[2J${"x".repeat(600)}`),
          ),
        cancel: () => {
          cancelled = true;
        },
      }),
    );
  const { attempts } = await rig.webhooks.test({ did: ALICE, id });
  const response = attempts[0]?.response ?? "";
  assert.ok(response.length <= 1_024 && response.length > 1_000);
  assert.match(response, /^\ufffd\[2Jx/);
  assert.equal(cancelled, true);
});
