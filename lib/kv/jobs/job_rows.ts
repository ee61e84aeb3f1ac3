/**
 * Rows of jobs: claimed by lease, finished, rescheduled or buried.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import {
  addJob,
  attemptsOf,
  DEAD_JOB_KEPT_MS,
  type JobKind,
  type JobRow,
} from "./jobs.ts";
import { deadJobKey, dueKey, jobKey } from "../keys.ts";
import type { Entry, Kv } from "../kv.ts";
import { acquireLease } from "../lease.ts";
import type { Lease } from "../held_lease.ts";

/** A job claimed by this instance. */
export interface JobClaim {
  readonly id: string;
  readonly row: JobRow;
  readonly lease: Lease;
}

/** Claims, finishes, reschedules and buries jobs. */
export class JobRows {
  readonly #kv: Kv;
  readonly #clock: Clock;
  readonly #leaseMs: number;

  /**
   * @param leaseMs time after which another worker takes over from a dead one,
   * in milliseconds.
   */
  constructor(kv: Kv, clock: Clock, leaseMs: number) {
    this.#kv = kv;
    this.#clock = clock;
    this.#leaseMs = leaseMs;
  }

  /** Claims the job of a due row, unless another worker has it or it is gone. */
  async claim(
    kind: JobKind<unknown>,
    due: Entry<unknown>,
  ): Promise<JobClaim | undefined> {
    const id = String(due.key.at(-1));
    const lease = await acquireLease(this.#kv, this.#clock, `job/${id}`, {
      ttlMs: this.#leaseMs,
    });
    if (lease === undefined) return undefined;
    try {
      const job = await this.#kv.get<JobRow>(jobKey(id));
      if (job === undefined || job.value.runAt !== due.key.at(-2)) {
        // Left over from a replaced or finished job.
        await this.#kv.atomic().check(due.key, due.versionstamp)
          .delete(due.key).commit();
      } else if (job.value.attempts >= attemptsOf(kind)) {
        await this.bury(id, job, "the worker died while doing it");
      } else {
        const row = { ...job.value, attempts: job.value.attempts + 1 };
        const claimed = await this.#kv.atomic()
          .check(job.key, job.versionstamp).set(job.key, row).commit();
        if (claimed) return { id, row, lease };
      }
    } catch (error) {
      await lease.release();
      throw error;
    }
    await lease.release();
    return undefined;
  }

  /** Removes a finished job, unless it was queued again meanwhile. */
  async finish(id: string, row: JobRow): Promise<void> {
    const job = await this.#kv.get<JobRow>(jobKey(id));
    if (job?.value.revision !== row.revision) return;
    await this.#kv.atomic().check(job.key, job.versionstamp)
      .delete(job.key)
      .delete(dueKey(row.kind, row.runAt, id))
      .delete(deadJobKey(id))
      .commit();
  }

  /** Returns the stored job, unless it was finished or queued again since `row` was read. */
  async current(id: string, row: JobRow): Promise<Entry<JobRow> | undefined> {
    const job = await this.#kv.get<JobRow>(jobKey(id));
    return job?.value.revision === row.revision ? job : undefined;
  }

  /** Replaces `job` by `row`, due in `pauseMs` milliseconds. */
  async again(
    id: string,
    job: Entry<JobRow>,
    row: JobRow,
    pauseMs: number,
  ): Promise<void> {
    const plannedAt = this.#clock.now();
    const commit = this.#kv.atomic().check(job.key, job.versionstamp)
      .delete(dueKey(row.kind, row.runAt, id));
    addJob(commit, id, { ...row, runAt: plannedAt + pauseMs, plannedAt });
    await commit.commit();
  }

  /** Moves a job to the dead jobs, where the operator finds it. */
  async bury(
    id: string,
    job: Entry<JobRow>,
    lastError: string,
  ): Promise<void> {
    const diedAt = this.#clock.now();
    await this.#kv.atomic().check(job.key, job.versionstamp)
      .delete(job.key)
      .delete(dueKey(job.value.kind, job.value.runAt, id))
      .set(deadJobKey(id), { ...job.value, id, lastError, diedAt }, {
        expiresAt: diedAt + DEAD_JOB_KEPT_MS,
      })
      .commit();
  }
}
