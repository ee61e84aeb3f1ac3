import assert from "node:assert/strict";
import { isAppError } from "../../errors.ts";
import {
  enqueue,
  listDeadJobs,
  planJob,
  type PlannedJob,
  retryDeadJob,
  waitingJobs,
  withdraw,
} from "./jobs.ts";
import { POST, testQueue } from "./testing_jobs.ts";

testQueue(
  "a job exists only when the commit it is in is applied",
  async (rig) => {
    await rig.kv.set(["taken"], 1);
    const commit = rig.kv.atomic().check(["taken"], null);
    enqueue(commit, rig.clock, POST, { text: "never" });
    assert.equal(await commit.commit(), false);
    assert.equal(await rig.runner().runDue(), 0);
  },
);

testQueue("jobs of one key are one job with the last payload", async (rig) => {
  for (const text of ["a", "b", "c"]) {
    await rig.enqueue(text, {
      dedupeKey: "did:plc:x/app",
      runAt: rig.clock.now() + text.charCodeAt(0),
    });
  }
  await rig.enqueue("other", { dedupeKey: "did:plc:x/other" });
  rig.clock.advance(1_000);
  await rig.runner().runDue();
  assert.deepEqual(rig.done.toSorted(), ["c", "other"]);
  assert.equal(await rig.rows(), 0);
});

testQueue(
  "many jobs are withdrawn together, but not one that was queued again",
  async (rig) => {
    const jobs = Array.from(
      { length: 25 },
      (_, i) =>
        planJob(rig.clock, POST, { text: `${i}` }, { dedupeKey: `${i}` }),
    );
    for (const { rows } of jobs) {
      const commit = rig.kv.atomic();
      for (const { key, row } of rows) commit.set(key, row);
      await commit.commit();
    }
    await rig.enqueue("again", { dedupeKey: "12" });
    await withdraw(rig.kv, jobs);
    await rig.runner().runDue();
    assert.deepEqual(rig.done, ["again"]);
    assert.equal(await rig.rows(), 0);
  },
);

testQueue(
  "a withdrawn job does not run, but one queued again does",
  async (rig) => {
    const job = planJob(rig.clock, POST, { text: "old" }, { dedupeKey: "k" });
    const queue = async ({ rows }: PlannedJob) => {
      const commit = rig.kv.atomic();
      for (const { key, row } of rows) commit.set(key, row);
      await commit.commit();
    };
    await queue(job);
    await withdraw(rig.kv, [job]);
    assert.equal(await rig.rows(), 0);
    await queue(job);
    await rig.enqueue("new", { dedupeKey: "k" });
    await withdraw(rig.kv, [job]);
    await rig.runner().runDue();
    assert.deepEqual(rig.done, ["new"]);
  },
);

testQueue(
  "waiting jobs are listed by due time, including those not due yet",
  async (rig) => {
    const now = rig.clock.now();
    await rig.enqueue("tomorrow", { runAt: now + 86_400_000 });
    await rig.enqueue("today", { runAt: now });
    await rig.enqueue("replaced", { runAt: now + 1, dedupeKey: "k" });
    await rig.enqueue("replacing", { runAt: now + 2, dedupeKey: "k" });
    const waiting = await Array.fromAsync(waitingJobs(rig.kv, POST, 10));
    assert.deepEqual(
      waiting.map(({ payload }) => payload.text),
      ["today", "replacing", "tomorrow"],
    );
  },
);

testQueue(
  "a dead job can be queued again and is removed when it succeeds",
  async (rig) => {
    const id = await rig.enqueue("x");
    let works = false;
    const runner = rig.runner(() =>
      works ? Promise.resolve() : Promise.reject(new Error("no"))
    );
    for (let i = 0; i < 3; i++) {
      await runner.runDue();
      rig.clock.advance(10_000);
    }
    assert.equal((await listDeadJobs(rig.kv)).length, 1);
    works = true;
    await retryDeadJob(rig.kv, rig.clock, id);
    assert.equal(await runner.runDue(), 1);
    assert.deepEqual(await listDeadJobs(rig.kv), []);
    await assert.rejects(
      retryDeadJob(rig.kv, rig.clock, id),
      (error) => isAppError(error, "NOT_FOUND"),
    );
  },
);
