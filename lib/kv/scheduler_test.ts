import assert from "node:assert/strict";
import { startScheduler } from "./scheduler.ts";
import type { Kv } from "./kv.ts";
import { settle } from "./testing.ts";
import { ManualClock } from "../testing_clock.ts";
import { silentLogger } from "../testing_log.ts";
import type { ScheduledTask } from "./scheduled_task.ts";
import { runIfDue } from "./scheduled_task.ts";
import { openKv } from "./open_kv.ts";

const HOUR = 3_600_000;
const never = new AbortController().signal;

async function withKv(
  body: (kv: Kv, clock: ManualClock) => Promise<void>,
): Promise<void> {
  const clock = new ManualClock(Date.UTC(2026, 0, 1, 1));
  const kv = await openKv(":memory:", clock);
  try {
    await body(kv, clock);
  } finally {
    kv.close();
  }
}

/** A task that counts its runs. */
function counting(
  options: Partial<ScheduledTask> = {},
): ScheduledTask & { count: number } {
  return {
    name: "count",
    everyMs: HOUR,
    count: 0,
    run() {
      this.count++;
      return Promise.resolve();
    },
    ...options,
  };
}

Deno.test("a task runs once per period, on the instance that comes first", () =>
  withKv(async (kv, clock) => {
    const task = counting();
    const done = await Promise.all(
      Array.from({ length: 5 }, () => runIfDue({ kv, clock }, task, never)),
    );
    assert.equal(done.filter(Boolean).length, 1);
    clock.advance(HOUR - 1);
    assert.equal(await runIfDue({ kv, clock }, task, never), false);
    clock.advance(1);
    assert.equal(await runIfDue({ kv, clock }, task, never), true);
    assert.equal(task.count, 2);
  }));

Deno.test("a daily task runs at its hour", () =>
  withKv(async (kv, clock) => {
    const task = counting({ everyMs: 24 * HOUR, offsetMs: 3 * HOUR });
    assert.equal(await runIfDue({ kv, clock }, task, never), true);
    clock.advance(2 * HOUR - 1);
    assert.equal(await runIfDue({ kv, clock }, task, never), false);
    clock.advance(1); // 03:00
    assert.equal(await runIfDue({ kv, clock }, task, never), true);
    clock.advance(23 * HOUR);
    assert.equal(await runIfDue({ kv, clock }, task, never), false);
  }));

Deno.test("a failed task waits for the next period, an interrupted one does not", () =>
  withKv(async (kv, clock) => {
    const failing = counting({
      name: "failing",
      run: () => Promise.reject(new Error("no")),
    });
    await assert.rejects(runIfDue({ kv, clock }, failing, never), /no/);
    assert.equal(await runIfDue({ kv, clock }, failing, never), false);

    const stop = new AbortController();
    const cut = counting({
      name: "cut",
      run: (signal) => {
        stop.abort(new Error("stopped"));
        return Promise.reject(signal.reason);
      },
    });
    await assert.rejects(runIfDue({ kv, clock }, cut, stop.signal), /stopped/);
    assert.equal(
      await runIfDue({ kv, clock }, { ...counting(), name: "cut" }, never),
      true,
    );
  }));

Deno.test("a started scheduler runs tasks every period until it is stopped", () =>
  withKv(async (kv, clock) => {
    const hourly = counting({ name: "hourly" });
    const local = counting({ name: "local", everyMs: 10_000, local: true });
    const running = startScheduler({ kv, clock, log: silentLogger }, [
      hourly,
      local,
    ]);
    const pass = async (ms: number) => {
      clock.advance(ms);
      await settle(kv);
    };
    await pass(4_999);
    assert.deepEqual([hourly.count, local.count], [0, 0]);
    await pass(1);
    assert.deepEqual([hourly.count, local.count], [1, 1]);
    await pass(5_000);
    assert.deepEqual([hourly.count, local.count], [1, 2]);
    await pass(HOUR - 10_000);
    assert.deepEqual([hourly.count, local.count], [2, 3]);
    await running.round();
    assert.deepEqual([hourly.count, local.count], [2, 4]);
    await running.stop();
    await pass(2 * HOUR);
    assert.deepEqual([hourly.count, local.count], [2, 4]);
  }));

Deno.test("stopping waits for a running task", () =>
  withKv(async (kv, clock) => {
    let ended = false;
    const slow = counting({
      run: async (signal) => {
        await clock.sleep(HOUR, signal);
        await settle(kv);
        ended = true;
      },
    });
    const running = startScheduler({ kv, clock, log: silentLogger }, [slow]);
    clock.advance(5_000);
    await settle(kv);
    await running.stop();
    assert.equal(ended, true);
  }));

Deno.test("a run recorded by a fast clock does not block later runs", () =>
  withKv(async (kv, clock) => {
    const task = counting();
    clock.advance(24 * HOUR);
    assert.equal(await runIfDue({ kv, clock }, task, never), true);
    clock.setBack(24 * HOUR);
    assert.equal(await runIfDue({ kv, clock }, task, never), true);
    assert.equal(await runIfDue({ kv, clock }, task, never), false);
    clock.advance(HOUR);
    assert.equal(await runIfDue({ kv, clock }, task, never), true);
  }));
