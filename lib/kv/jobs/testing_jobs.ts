/**
 * A queue of jobs and instances that run them, for tests.
 *
 * @module
 */

import assert from "node:assert/strict";
import { z } from "zod";
import { DenoKv } from "../deno_kv.ts";
import { enqueue, type EnqueueOptions, type JobKind } from "./jobs.ts";
import { JobRunner, type JobRunnerOptions } from "./job_runner.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import type { JobRun } from "./job_handler.ts";

/** A kind of jobs. */
export const POST: JobKind<{ text: string }> = {
  name: "test.post",
  payload: z.object({ text: z.string() }),
  maxAttempts: 3,
  backoffMs: 1_000,
};

/** Instances that share a queue. */
export class Rig {
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

/** Registers a test with a queue of its own. */
export function testQueue(
  name: string,
  body: (rig: Rig) => Promise<void>,
): void {
  Deno.test(name, async () => {
    const rig = new Rig(await Deno.openKv(":memory:"));
    try {
      await body(rig);
    } finally {
      rig.kv.close();
    }
  });
}
