import assert from "node:assert/strict";
import { z } from "zod";
import { ALICE, HOLD } from "../hold/testing.ts";
import { AppError } from "../errors.ts";
import type { PushEvent } from "../hold_api/push_event.ts";
import { JobRunner } from "../kv/jobs/job_runner.ts";
import {
  enqueue,
  listDeadJobs,
  planJob,
  waitingJobs,
} from "../kv/jobs/jobs.ts";
import { settle } from "../kv/testing.ts";
import { Metrics } from "../metrics.ts";
import { digestOf } from "../oci/digest.ts";
import { parseManifest } from "../oci/manifest.ts";
import { testContent } from "./manifests/testing_owner.ts";
import type { HoldClient } from "../hold_api/hold_client.ts";
import { ManifestIndex } from "./manifests/manifest_index.ts";
import { manifestRow } from "./rows.ts";
import { PUSH_DELIVERY, PushDeliveries } from "./push_delivery.ts";
import { ManualClock } from "../testing_clock.ts";
import { silentLogger } from "../testing_log.ts";
import { openKv } from "../kv/open_kv.ts";
import { REMOVAL } from "./manifests/removal_job.ts";

const MINUTE = 60_000;
const MEDIA_TYPE = "application/vnd.oci.image.index.v1+json";
const never = new AbortController().signal;

/** The delivery part of a registry, and a hold that records events or fails. */
async function open() {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const index = new ManifestIndex(kv);
  const content = testContent(kv, clock);
  const heard: PushEvent[] = [];
  const state: { failure: Error | undefined; hanging?: Promise<void> } = {
    failure: undefined,
  };
  const hold: Pick<HoldClient, "did" | "notifyManifest"> = {
    did: HOLD,
    notifyManifest: (_caller, event) => {
      if (state.failure) return Promise.reject(state.failure);
      heard.push(event);
      return state.hanging ?? Promise.resolve();
    },
  };
  const make = () =>
    new PushDeliveries({
      kv,
      clock,
      log: silentLogger,
      metrics: new Metrics(),
      holds: { get: () => Promise.resolve(hold as HoldClient) },
      index,
      content,
    });
  const bytes = new TextEncoder().encode(
    JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE, manifests: [] }),
  );
  const manifest = parseManifest(bytes, MEDIA_TYPE);
  const digest = digestOf(bytes);
  const ref = { did: ALICE, repo: "app" };
  await content.put(digest, bytes);
  const put = {
    digest,
    row: manifestRow(manifest, {
      size: bytes.length,
      holdDid: HOLD,
      blob: undefined,
      createdAt: clock.now(),
      rkey: undefined,
    }),
    tags: [],
    removals: await index.removals.read(ref),
  };
  const push = { ref, holdDid: HOLD, digest, manifest, tag: "v1" };
  /** Pushes again, as far as deliveries are concerned. */
  const pushTo = async (deliveries: PushDeliveries) => {
    const delivery = deliveries.plan(push);
    await index.put(ref, { ...put, also: delivery.rows });
    return () => deliveries.deliver(push, delivery);
  };
  /** An instance that runs jobs. */
  const runner = () => {
    const jobs = new JobRunner({ kv, clock, log: silentLogger });
    const deliveries = make();
    jobs.register(PUSH_DELIVERY, (delivery) => deliveries.redeliver(delivery));
    return jobs;
  };
  return {
    kv,
    clock,
    runner,
    index,
    push,
    state,
    heard,
    pushTo,
    make,
    [Symbol.dispose]: () => kv.close(),
  };
}

Deno.test("a push is delivered once", async () => {
  using registry = await open();
  const { heard, clock } = registry;
  const deliveries = registry.make();
  (await registry.pushTo(deliveries))();
  await settle(registry.kv);
  assert.equal(heard.length, 1);
  assert.equal(heard[0]?.tag, "v1");
  clock.advance(5 * MINUTE);
  assert.equal(await deliveries.deliverAll(never), 0);
  assert.equal(heard.length, 1);
});

Deno.test("jobs of pushes that follow each other are withdrawn together", async () => {
  using registry = await open();
  const { kv, clock, heard } = registry;
  const deliveries = registry.make();
  const jobs = () =>
    Array.fromAsync(waitingJobs(kv, PUSH_DELIVERY, 100), ({ id }) => id);
  (await registry.pushTo(deliveries))();
  await settle(kv);
  assert.deepEqual(await jobs(), []);
  for (let i = 0; i < 3; i++) {
    (await registry.pushTo(deliveries))();
    await settle(kv);
  }
  assert.deepEqual([heard.length, (await jobs()).length], [4, 3]);
  clock.advance(250);
  await settle(kv);
  assert.deepEqual(await jobs(), []);
});

Deno.test("a push to a hold that was down is delivered later, by any instance", async () => {
  using registry = await open();
  const { push, heard, clock, state } = registry;
  state.failure = new AppError("UPSTREAM_FAILED", "It is down.");
  (await registry.pushTo(registry.make()))();
  await settle(registry.kv);
  clock.advance(5 * MINUTE);
  const other = registry.make();
  assert.equal(await other.deliverAll(never), 0);
  state.failure = undefined;
  assert.equal(await other.deliverAll(never), 1);
  assert.equal(heard[0]?.digest, push.digest);
  assert.equal(await other.deliverAll(never), 0);
});

Deno.test("a push is delivered later when the process died before", async () => {
  using registry = await open();
  const { push, heard, clock } = registry;
  // Only the index was written.
  await registry.pushTo(registry.make());
  clock.advance(5 * MINUTE);
  assert.equal(await registry.make().deliverAll(never), 1);
  assert.equal(heard[0]?.digest, push.digest);
});

Deno.test("the first attempt has time before a second one", async () => {
  using registry = await open();
  const { clock, state } = registry;
  state.failure = new AppError("UPSTREAM_FAILED", "It is down.");
  const deliveries = registry.make();
  (await registry.pushTo(deliveries))();
  await settle(registry.kv);
  state.failure = undefined;
  clock.advance(MINUTE - 1);
  assert.equal(await deliveries.deliverAll(never), 0);
  clock.advance(1);
  assert.equal(await deliveries.deliverAll(never), 1);
});

Deno.test("a refusal is final, and so is the deletion of the manifest", async () => {
  using registry = await open();
  const { push, heard, clock, state, index } = registry;
  const deliveries = registry.make();
  state.failure = new AppError("QUOTA_EXCEEDED", "It is full.");
  (await registry.pushTo(deliveries))();
  state.failure = new AppError("UPSTREAM_FAILED", "It is down.");
  (await registry.pushTo(deliveries))();
  await settle(registry.kv);
  state.failure = undefined;
  const work = { ...push.ref, digest: push.digest };
  const manifest = await index.manifest(push.ref, push.digest);
  assert.ok(manifest);
  const job = planJob(clock, REMOVAL, work);
  await index.removals.begin(push.ref, push.digest, manifest, job.rows);
  clock.advance(5 * MINUTE);
  assert.equal(await deliveries.deliverAll(never), 0);
  assert.deepEqual(heard, []);
});

Deno.test("a push to a hold that was down is delivered when it is due, by any instance that runs jobs", async () => {
  using registry = await open();
  const { push, heard, clock, state } = registry;
  state.failure = new AppError("UPSTREAM_FAILED", "It is down.");
  (await registry.pushTo(registry.make()))();
  await settle(registry.kv);
  const other = registry.runner();
  assert.equal(await other.runDue(), 0);
  clock.advance(MINUTE);
  assert.equal(await other.runDue(), 1);
  assert.equal(heard.length, 0);
  state.failure = undefined;
  clock.advance(2 * MINUTE);
  assert.equal(await other.runDue(), 1);
  assert.equal(heard[0]?.digest, push.digest);
  assert.equal(await registry.make().deliverAll(never), 0);
});

Deno.test("delivery to a hold that stays down fails permanently after about two weeks, and the job is kept", async () => {
  using registry = await open();
  const { clock, state, heard, kv } = registry;
  state.failure = new AppError("UNAVAILABLE", "It is gone.");
  const begun = clock.now();
  await registry.pushTo(registry.make());
  const runner = registry.runner();
  let runs = 0;
  while ((await listDeadJobs(kv)).length === 0) {
    clock.advance(MINUTE);
    runs += await runner.runDue();
  }
  const days = (clock.now() - begun) / (24 * 60 * MINUTE);
  assert(days > 12 && days < 16, `${days} days`);
  assert.equal(runs, PUSH_DELIVERY.maxAttempts);
  assert.match((await listDeadJobs(kv))[0]?.lastError ?? "", /It is gone/);
  state.failure = undefined;
  assert.equal(await registry.make().deliverAll(never), 0);
  assert.deepEqual(heard, []);
});

Deno.test("holds that hang do not keep other jobs waiting", async () => {
  using registry = await open();
  const { kv, clock, state } = registry;
  const { promise: hanging, resolve: answer } = Promise.withResolvers<void>();
  state.hanging = hanging;
  for (let i = 0; i < 30; i++) await registry.pushTo(registry.make());
  clock.advance(MINUTE);
  const runner = registry.runner();
  const { promise: done, resolve } = Promise.withResolvers<void>();
  const other = { name: "other", payload: z.null() };
  runner.register(other, () => Promise.resolve(resolve()));
  runner.start();
  await settle(kv);
  const commit = kv.atomic();
  enqueue(commit, clock, other, null);
  await commit.commit();
  runner.wake();
  await done;
  answer();
  await runner.stop();
});

Deno.test("deliveries that an earlier version stored are still read", () => {
  // The name and the payload in stores of existing registries.
  assert.equal(PUSH_DELIVERY.name, "registry.push_notice");
  const payload = {
    did: ALICE,
    repo: "app",
    holdDid: "did:web:127.0.0.1%3A5000",
    digest: digestOf(new Uint8Array()),
    mediaType: MEDIA_TYPE,
    tag: "v1",
    pushedAt: 1,
  };
  assert.deepEqual(PUSH_DELIVERY.payload.parse(payload), payload);
});
