import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { AppError } from "../../errors.ts";
import { jobKey } from "../keys.ts";
import type { Key } from "../kv.ts";
import { enqueue, type JobKind, listDeadJobs } from "./jobs.ts";
import { settle } from "../testing.ts";
import { ManualClock } from "../../testing_clock.ts";
import { POST, testQueue } from "./testing_jobs.ts";

testQueue(
  "jobs run once, in order of due time, and leave no rows",
  async (rig) => {
    const now = rig.clock.now();
    await rig.enqueue("second", { runAt: now - 1 });
    await rig.enqueue("first", { runAt: now - 2 });
    const runner = rig.runner(undefined, { concurrency: 1 });
    assert.equal(await runner.runDue(), 2);
    assert.deepEqual(rig.done, ["first", "second"]);
    assert.equal(await runner.runDue(), 0);
    assert.equal(await rig.rows(), 0);
  },
);

testQueue("a job waits until it is due", async (rig) => {
  await rig.enqueue("later", { runAt: rig.clock.now() + 500 });
  const runner = rig.runner();
  assert.equal(await runner.runDue(), 0);
  rig.clock.advance(500);
  assert.equal(await runner.runDue(), 1);
});

testQueue(
  "a job queued again while it runs is run again afterwards",
  async (rig) => {
    await rig.enqueue("old", { dedupeKey: "k" });
    let inside = 0;
    const runner = rig.runner(async ({ text }) => {
      assert.equal(++inside, 1);
      if (text === "old") await rig.enqueue("new", { dedupeKey: "k" });
      await settle(rig.kv);
      inside--;
    });
    assert.equal(await runner.runDue(), 2);
    assert.deepEqual(rig.done, ["old", "new"]);
  },
);

testQueue(
  "a failing job is retried with growing pauses, then kept with its error",
  async (rig) => {
    const id = await rig.enqueue("x");
    const attempts: number[] = [];
    const runner = rig.runner((_, run) => {
      attempts.push(run.attempt);
      return Promise.reject(new Error(`broken ${run.attempt}`));
    });
    assert.equal(await runner.runDue(), 1);
    rig.clock.advance(999);
    assert.equal(await runner.runDue(), 0);
    rig.clock.advance(251);
    assert.equal(await runner.runDue(), 1);
    rig.clock.advance(1_999);
    assert.equal(await runner.runDue(), 0);
    rig.clock.advance(501);
    assert.equal(await runner.runDue(), 1);
    rig.clock.advance(86_400_000);
    assert.equal(await runner.runDue(), 0);
    assert.deepEqual(attempts, [1, 2, 3]);
    const [dead, ...others] = await listDeadJobs(rig.kv);
    assert.deepEqual(others, []);
    assert.equal(dead?.id, id);
    assert.equal(dead?.lastError, "broken 3");
    assert.deepEqual(dead?.payload, { text: "x" });
    assert.equal(await rig.rows(), 0);
  },
);

testQueue(
  "a kind may list its pauses, of which the last is repeated",
  async (rig) => {
    const kind = {
      ...POST,
      name: "test.listed",
      pausesMs: [30_000, 120_000],
      maxAttempts: 4,
    } as const;
    const commit = rig.kv.atomic();
    enqueue(commit, rig.clock, kind, { text: "x" });
    await commit.commit();
    const runner = rig.runner();
    runner.register(kind, () => Promise.reject(new Error("no")));
    await runner.runDue();
    for (const pause of [30_000, 120_000, 120_000]) {
      rig.clock.advance(pause - 1);
      assert.equal(await runner.runDue(), 0);
      rig.clock.advance(pause / 4 + 1);
      assert.equal(await runner.runDue(), 1);
    }
    assert.equal((await listDeadJobs(rig.kv)).length, 1);
  },
);

testQueue("the retry time of an error is respected", async (rig) => {
  await rig.enqueue("x");
  const runner = rig.runner(() =>
    Promise.reject(
      new AppError("TOOMANYREQUESTS", "slow down", { retryAfterSeconds: 60 }),
    )
  );
  await runner.runDue();
  rig.clock.advance(59_999);
  assert.equal(await runner.runDue(), 0);
  rig.clock.advance(1);
  assert.equal(await runner.runDue(), 1);
});

testQueue(
  "an invalid payload fails permanently at once and never reaches the handler",
  async (rig) => {
    const commit = rig.kv.atomic();
    const wrong: JobKind<unknown> = { ...POST, payload: z.unknown() };
    enqueue(commit, rig.clock, wrong, { text: 5 });
    await commit.commit();
    assert.equal(await rig.runner().runDue(), 1);
    assert.deepEqual(rig.done, []);
    assert.match((await listDeadJobs(rig.kv))[0]?.lastError ?? "", /text/);
  },
);

testQueue(
  "a dead worker's job is taken over when its lease has expired",
  async (rig) => {
    await rig.enqueue("x");
    const dies = rig.runner(() => new Promise(() => {}), {
      // A clock that stands still renews nothing, like a dead process.
      clock: new ManualClock(rig.clock.now()),
      leaseMs: 5_000,
    });
    void dies.runDue();
    await settle(rig.kv);
    const heir = rig.runner(undefined, { leaseMs: 5_000 });
    assert.equal(await heir.runDue(), 0);
    rig.clock.advance(5_000);
    assert.equal(await heir.runDue(), 1);
    assert.deepEqual(rig.done, ["x"]);
  },
);

testQueue(
  "a job that kills every worker fails permanently too",
  async (rig) => {
    await rig.enqueue("x");
    for (let i = 0; i < 3; i++) {
      const dies = rig.runner(() => new Promise(() => {}), {
        clock: new ManualClock(rig.clock.now()),
        leaseMs: 5_000,
      });
      void dies.runDue();
      await settle(rig.kv);
      rig.clock.advance(5_000);
    }
    assert.equal(await rig.runner().runDue(), 0);
    assert.match((await listDeadJobs(rig.kv))[0]?.lastError ?? "", /died/);
  },
);

testQueue("two instances share the work and run nothing twice", async (rig) => {
  const texts = Array.from({ length: 40 }, (_, i) => `job ${i}`);
  for (const text of texts) await rig.enqueue(text);
  const runs = await Promise.all([
    rig.runner().runDue(),
    rig.runner().runDue(),
  ]);
  assert.equal(runs.reduce((a, b) => a + b), 40);
  assert.deepEqual(rig.done.toSorted(), texts.toSorted());
});

testQueue("no more jobs run at once than allowed", async (rig) => {
  for (let i = 0; i < 10; i++) await rig.enqueue(`${i}`);
  let inside = 0;
  let most = 0;
  await rig.runner(async () => {
    most = Math.max(most, ++inside);
    await settle(rig.kv);
    inside--;
  }, { concurrency: 3 }).runDue();
  assert.equal(most, 3);
  assert.equal(rig.done.length, 10);
});

testQueue(
  "what a job queues is done as well, whenever the job ends",
  async (rig) => {
    const other: JobKind<{ text: string }> = { ...POST, name: "test.other" };
    // Jobs of different lengths end at each moment of a look at the store.
    for (let reads = 0; reads < 12; reads++) {
      const runner = rig.runner(async () => {
        for (let i = 0; i < reads; i++) await rig.kv.get(["pause"]);
        const commit = rig.kv.atomic();
        enqueue(commit, rig.clock, other, { text: "x" });
        await commit.commit();
      });
      runner.register(other, () => Promise.resolve());
      await rig.enqueue("first");
      assert.equal(await runner.runDue(), 2);
    }
  },
);

testQueue(
  "a kind with its own slots neither uses those of others nor waits for them",
  async (rig) => {
    const slow: JobKind<{ text: string }> = {
      ...POST,
      name: "test.slow",
      concurrency: 2,
    };
    for (let i = 0; i < 3; i++) {
      await rig.enqueue(`${i}`);
      const commit = rig.kv.atomic();
      enqueue(commit, rig.clock, slow, { text: `slow ${i}` });
      await commit.commit();
    }
    const gate = Promise.withResolvers<void>();
    const runner = rig.runner(undefined, { concurrency: 1 });
    let begun = 0;
    runner.register(slow, async () => {
      begun++;
      await gate.promise;
    });
    const run = runner.runDue();
    for (let i = 0; i < 5; i++) await settle(rig.kv);
    assert.equal(begun, 2);
    assert.deepEqual(rig.done.toSorted(), ["0", "1", "2"]);
    gate.resolve();
    assert.equal(await run, 6);
  },
);

testQueue("unregistered kinds are left to other instances", async (rig) => {
  const commit = rig.kv.atomic();
  enqueue(commit, rig.clock, { ...POST, name: "test.other" }, { text: "x" });
  await commit.commit();
  assert.equal(await rig.runner().runDue(), 0);
  assert.equal(await rig.rows(), 2);
});

testQueue("in the background due jobs are found by polling", async (rig) => {
  const runner = rig.runner(undefined, { pollMs: 1_000 });
  runner.start();
  await settle(rig.kv);
  await rig.enqueue("x");
  assert.deepEqual(rig.done, []);
  rig.clock.advance(1_000);
  await settle(rig.kv);
  assert.deepEqual(rig.done, ["x"]);
  await runner.stop();
});

testQueue(
  "a stop waits for a job that is claimed while it begins",
  async (rig) => {
    const id = await rig.enqueue("x");
    const running = Promise.withResolvers<void>();
    const runner = rig.runner(() => running.promise);
    const get = rig.kv.get.bind(rig.kv);
    let stopped: Promise<void> | undefined;
    let ended = false;
    rig.kv.get = <T>(key: Key) => {
      // Only the claim reads the job's row.
      if (isDeepStrictEqual(key, jobKey(id))) {
        stopped ??= runner.stop().then(() => void (ended = true));
      }
      return get<T>(key);
    };
    runner.start();
    await settle(rig.kv);
    assert.equal(runner.running, 1);
    assert.equal(ended, false);
    running.resolve();
    await stopped;
    assert.deepEqual(rig.done, ["x"]);
  },
);

testQueue("a runner that is woken polls at once", async (rig) => {
  const runner = rig.runner();
  runner.start();
  await settle(rig.kv);
  await rig.enqueue("x");
  runner.wake();
  await settle(rig.kv);
  assert.deepEqual(rig.done, ["x"]);
  await runner.stop();
});

testQueue(
  "stopping aborts long runs and leaves the jobs for later, without counting the attempt",
  async (rig) => {
    await rig.enqueue("slow");
    let aborted = false;
    const runner = rig.runner((_, { signal }) =>
      new Promise((_, reject) =>
        signal.addEventListener("abort", () => {
          aborted = true;
          reject(signal.reason);
        })
      )
    );
    runner.start();
    await settle(rig.kv);
    const stopped = runner.stop(2_000);
    await settle(rig.kv);
    assert.equal(aborted, false);
    rig.clock.advance(2_000);
    await stopped;
    assert.equal(aborted, true);
    const attempts: number[] = [];
    await rig.runner((_, run) => {
      attempts.push(run.attempt);
      return Promise.resolve();
    }).runDue();
    assert.deepEqual(attempts, [1]);
    assert.deepEqual(rig.done, ["slow"]);
  },
);

testQueue(
  "jobs scheduled by a fast clock wait no longer than intended once it is set back",
  async (rig) => {
    const day = 86_400_000;
    await rig.enqueue("old", { runAt: rig.clock.now() + 90_000 });
    rig.clock.advance(day);
    await rig.enqueue("now");
    await rig.enqueue("soon", { runAt: rig.clock.now() + 60_000 });
    await rig.enqueue("failed");
    rig.clock.setBack(day);
    let fails = true;
    const runner = rig.runner(({ text }) => {
      if (text !== "failed" || !fails) return Promise.resolve();
      return Promise.reject(new Error("not yet"));
    }, { concurrency: 1 });
    await runner.runDue();
    assert.deepEqual(rig.done, ["now"]);
    // The retry was scheduled by this clock.
    fails = false;
    rig.clock.advance(2_000);
    await runner.runDue();
    assert.deepEqual(rig.done, ["now", "failed"]);
    rig.clock.advance(58_000);
    await runner.runDue();
    assert.deepEqual(rig.done, ["now", "failed", "soon"]);
    rig.clock.advance(30_000);
    await runner.runDue();
    assert.deepEqual(rig.done, ["now", "failed", "soon", "old"]);
    assert.equal(await rig.rows(), 0);
  },
);
