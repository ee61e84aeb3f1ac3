/**
 * Background work as rows in the store: it survives a crash, runs on any
 * instance, and can be queued in the same commit as what makes it necessary.
 * `job_runner.ts` does the work.
 *
 * @module
 */

import type { z } from "zod";
import { AppError } from "../errors.ts";
import type { Clock } from "../clock.ts";
import { deadJobKey, deadJobKeys, dueKey, jobKey } from "./keys.ts";
import type { Atomic, Kv } from "./kv.ts";

/** A kind of job; declared once by the service that does it. */
export interface JobKind<T> {
  /** Unique and stable, for example `hold.post`; stands in keys. */
  readonly name: string;
  /** What a payload looks like; checked again before each run. No transforms. */
  readonly payload: z.ZodType<T>;
  /** Given up after so many runs; 10 by default. */
  readonly maxAttempts?: number;
  /** Pause after the first failure, doubled after each further one; 5,000 by default. */
  readonly backoffMs?: number;
}

/** Options of {@linkcode enqueue}. */
export interface EnqueueOptions {
  /**
   * Jobs of one kind and key are one job: a later one replaces the payload
   * and time of one that waits, and is done after one that is running.
   */
  readonly dedupeKey?: string;
  /** Not before this time (milliseconds since the Unix epoch); now by default. */
  readonly runAt?: number;
}

/** A job that waits or is being done. */
export interface JobRow {
  readonly kind: string;
  readonly payload: unknown;
  /** Milliseconds since the Unix epoch. */
  readonly runAt: number;
  readonly enqueuedAt: number;
  /** Runs begun so far. */
  readonly attempts: number;
  /** New with each `enqueue`, so that a run knows whether its job was replaced. */
  readonly revision: string;
  /** Why the last run failed. */
  readonly lastError?: string;
}

/** A job that was given up. */
export interface DeadJob extends JobRow {
  readonly id: string;
  /** Milliseconds since the Unix epoch. */
  readonly diedAt: number;
}

/** Given-up jobs are kept for so long: 30 days, in milliseconds. */
export const DEAD_JOB_KEPT_MS = 30 * 86_400_000;

/**
 * Adds a job to `commit` and returns its id. The job exists when the commit
 * is applied. Payload and key must fit into one value of the store.
 */
export function enqueue<T>(
  commit: Atomic,
  clock: Clock,
  kind: JobKind<T>,
  payload: T,
  options: EnqueueOptions = {},
): string {
  const { dedupeKey, runAt = clock.now() } = options;
  const id = `${kind.name}/${dedupeKey ?? crypto.randomUUID()}`;
  const row: JobRow = {
    kind: kind.name,
    payload,
    runAt,
    enqueuedAt: clock.now(),
    attempts: 0,
    revision: crypto.randomUUID(),
  };
  addJob(commit, id, row);
  return id;
}

/** The mutations that make `row` wait under `id`. */
export function addJob(commit: Atomic, id: string, row: JobRow): void {
  commit.set(jobKey(id), row).set(dueKey(row.kind, row.runAt, id), true);
}

/** The jobs that were given up in the last 30 days, at most `limit`. */
export async function listDeadJobs(kv: Kv, limit = 100): Promise<DeadJob[]> {
  const jobs: DeadJob[] = [];
  for await (const entry of kv.list<DeadJob>(deadJobKeys, { limit })) {
    jobs.push(entry.value);
  }
  return jobs;
}

/**
 * Queues a given-up job once more, from its first attempt. Throws AppError
 * `NOT_FOUND` when there is none with this id.
 */
export async function retryDeadJob(
  kv: Kv,
  clock: Clock,
  id: string,
): Promise<void> {
  const entry = await kv.get<DeadJob>(deadJobKey(id));
  if (entry === undefined) {
    throw new AppError("NOT_FOUND", `There is no given-up job ${id}`);
  }
  const { kind, payload } = entry.value;
  const commit = kv.atomic()
    .check(entry.key, entry.versionstamp)
    .check(jobKey(id), null)
    .delete(entry.key);
  addJob(commit, id, {
    kind,
    payload,
    runAt: clock.now(),
    enqueuedAt: clock.now(),
    attempts: 0,
    revision: crypto.randomUUID(),
  });
  // A job of the same key that waits already does the same work.
  await commit.commit();
}
