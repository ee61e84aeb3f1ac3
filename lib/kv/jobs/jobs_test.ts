import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { AppError, isAppError } from "../../errors.ts";
import { DenoKv } from "../deno_kv.ts";
import { jobKey } from "../keys.ts";
import type { Key } from "../kv.ts";
import {
  enqueue,
  type EnqueueOptions,
  type JobKind,
  listDeadJobs,
  planJob,
  type PlannedJob,
  retryDeadJob,
  waitingJobs,
  withdraw,
} from "./jobs.ts";
import { JobRunner, type JobRunnerOptions } from "./job_runner.ts";
import { settle } from "../testing.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import type { JobRun } from "./job_handler.ts";

const POST: JobKind<{ text: string }> = {
  name: "test.post",
  payload: z.object({ text: z.string() }),
  maxAttempts: 3,
  backoffMs: 1_000,
};

class Rig {
  readonly clock = new ManualClock();
  readonly kv: DenoKv;
  readonly done: string[] = [];

  constructor(kv: Deno.Kv) {
    this.kv = new DenoKv(kv, this.clock);
  }

  /** An instance that records its runs, or calls `handler`. */
  runner(
    handler?: (payload: { text: string }, run: JobRun) => Promise<void>,
    options: Partial<JobRunnerOptions> = {},
  ): JobRunner {
    const { kv, clock } = this;
    const runner = new JobRunner({ kv, clock, log: silentLogger, ...options });
    runner.register(POST, async (payload, run) => {
      await handler?.(payload, run);
      this.done.push(payload.text);
    });
    return runner;
  }

  async enqueue(text: string, options?: EnqueueOptions): Promise<string> {
    const commit = this.kv.atomic();
    const id = enqueue(commit, this.clock, POST, { text }, options);
    assert.equal(await commit.commit(), true);
    return id;
  }

  /** Rows left other than dead jobs. */
  async rows(): Promise<number> {
    let rows = 0;
    for await (const entry of this.kv.list({ prefix: ["kv"] })) {
      if (entry.key[1] !== "job_dead") rows++;
    }
    return rows;
  }
}

function test(name: string, body: (rig: Rig) => Promise<void>): void {
  Deno.test(name, async () => {
    const rig = new Rig(await Deno.openKv(":memory:"));
    try {
      await body(rig);
    } finally {
      rig.kv.close();
    }
  });
}

test("jobs run once, in order of due time, and leave no rows", async (rig) => {
  const now = rig.clock.now();
  await rig.enqueue("second", { runAt: now - 1 });
  await rig.enqueue("first", { runAt: now - 2 });
  const runner = rig.runner(undefined, { concurrency: 1 });
  assert.equal(await runner.runDue(), 2);
  assert.deepEqual(rig.done, ["first", "second"]);
  assert.equal(await runner.runDue(), 0);
  assert.equal(await rig.rows(), 0);
});

test("a job waits until it is due", async (rig) => {
  await rig.enqueue("later", { runAt: rig.clock.now() + 500 });
  const runner = rig.runner();
  assert.equal(await runner.runDue(), 0);
  rig.clock.advance(500);
  assert.equal(await runner.runDue(), 1);
});

test("a job exists only when the commit it is in is applied", async (rig) => {
  await rig.kv.set(["taken"], 1);
  const commit = rig.kv.atomic().check(["taken"], null);
  enqueue(commit, rig.clock, POST, { text: "never" });
  assert.equal(await commit.commit(), false);
  assert.equal(await rig.runner().runDue(), 0);
});

test("jobs of one key are one job with the last payload", async (rig) => {
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

test("a job queued again while it runs is run again afterwards", async (rig) => {
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
});

test("a withdrawn job does not run, but one queued again does", async (rig) => {
  const job = planJob(rig.clock, POST, { text: "old" }, { dedupeKey: "k" });
  const queue = async ({ rows }: PlannedJob) => {
    const commit = rig.kv.atomic();
    for (const { key, row } of rows) commit.set(key, row);
    await commit.commit();
  };
  await queue(job);
  await withdraw(rig.kv, job);
  assert.equal(await rig.rows(), 0);
  await queue(job);
  await rig.enqueue("new", { dedupeKey: "k" });
  await withdraw(rig.kv, job);
  await rig.runner().runDue();
  assert.deepEqual(rig.done, ["new"]);
});

test("waiting jobs are listed by due time, including those not due yet", async (rig) => {
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
});

test("a failing job is retried with growing pauses, then kept with its error", async (rig) => {
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
});

test("a kind may list its pauses, of which the last is repeated", async (rig) => {
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
});

test("a dead job can be queued again and is removed when it succeeds", async (rig) => {
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
});

test("the retry time of an error is respected", async (rig) => {
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

test("an invalid payload fails permanently at once and never reaches the handler", async (rig) => {
  const commit = rig.kv.atomic();
  const wrong: JobKind<unknown> = { ...POST, payload: z.unknown() };
  enqueue(commit, rig.clock, wrong, { text: 5 });
  await commit.commit();
  assert.equal(await rig.runner().runDue(), 1);
  assert.deepEqual(rig.done, []);
  assert.match((await listDeadJobs(rig.kv))[0]?.lastError ?? "", /text/);
});

test("a dead worker's job is taken over when its lease has expired", async (rig) => {
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
});

test("a job that kills every worker fails permanently too", async (rig) => {
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
});

test("two instances share the work and run nothing twice", async (rig) => {
  const texts = Array.from({ length: 40 }, (_, i) => `job ${i}`);
  for (const text of texts) await rig.enqueue(text);
  const runs = await Promise.all([
    rig.runner().runDue(),
    rig.runner().runDue(),
  ]);
  assert.equal(runs.reduce((a, b) => a + b), 40);
  assert.deepEqual(rig.done.toSorted(), texts.toSorted());
});

test("no more jobs run at once than allowed", async (rig) => {
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

test("what a job queues is done as well, whenever the job ends", async (rig) => {
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
});

test("a kind with its own slots neither uses those of others nor waits for them", async (rig) => {
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
});

test("unregistered kinds are left to other instances", async (rig) => {
  const commit = rig.kv.atomic();
  enqueue(commit, rig.clock, { ...POST, name: "test.other" }, { text: "x" });
  await commit.commit();
  assert.equal(await rig.runner().runDue(), 0);
  assert.equal(await rig.rows(), 2);
});

test("in the background due jobs are found by polling", async (rig) => {
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

test("a stop waits for a job that is claimed while it begins", async (rig) => {
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
});

test("a runner that is woken polls at once", async (rig) => {
  const runner = rig.runner();
  runner.start();
  await settle(rig.kv);
  await rig.enqueue("x");
  runner.wake();
  await settle(rig.kv);
  assert.deepEqual(rig.done, ["x"]);
  await runner.stop();
});

test("stopping aborts long runs and leaves the jobs for later, without counting the attempt", async (rig) => {
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
});

test("jobs scheduled by a fast clock wait no longer than intended once it is set back", async (rig) => {
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
});
