/**
 * Durable background jobs as rows in the store: they survive crashes, run on
 * any instance, and can be queued in the same commit as the change that
 * requires them. `job_runner.ts` runs them.
 *
 * @module
 */

import type { z } from "zod";
import { AppError } from "../../errors.ts";
import type { Clock } from "../../clock.ts";
import { deadJobKey, deadJobKeys, dueKey, dueKeys, jobKey } from "../keys.ts";
import { KV_LIMITS } from "../limits.ts";
import type { Atomic, Key, Kv } from "../kv.ts";

/** A kind of job, declared once by the service that handles it. */
export interface JobKind<T> {
  /** Unique and stable, for example `hold.post`; part of keys. */
  readonly name: string;
  /** Schema of the payload, validated before each run. No transforms. */
  readonly payload: z.ZodType<T>;
  /** Maximum number of runs; 10 by default. */
  readonly maxAttempts?: number;
  /**
   * Pause after the first failure, doubled after each further one, in
   * milliseconds; 5,000 by default.
   */
  readonly backoffMs?: number;
  /** Longest pause between two runs, in milliseconds; six hours by default. */
  readonly maxBackoffMs?: number;
  /**
   * Explicit pauses after the first, second and further failures, instead of
   * exponential ones; the last is repeated. In milliseconds.
   */
  readonly pausesMs?: readonly [number, ...number[]];
  /**
   * Concurrent jobs of this kind in one instance, in separate slots: for work
   * that waits for slow external servers. By default kinds share the runner's
   * slots.
   */
  readonly concurrency?: number;
}

/** Options of {@linkcode planJob}. */
export interface EnqueueOptions {
  /**
   * Deduplicates jobs of one kind: a later job with the same key replaces
   * payload and time of a waiting one, and runs after a running one.
   */
  readonly dedupeKey?: string;
  /** Not before this time (milliseconds since the Unix epoch); now by default. */
  readonly runAt?: number;
}

/** A waiting or running job. */
export interface JobRow {
  readonly kind: string;
  readonly payload: unknown;
  /** Milliseconds since the Unix epoch. */
  readonly runAt: number;
  readonly enqueuedAt: number;
  /** When `runAt` was set; absent in rows of earlier versions. */
  readonly plannedAt?: number;
  /** Runs started so far. */
  readonly attempts: number;
  /** Changes with each `enqueue`, so that a run can detect that its job was replaced. */
  readonly revision: string;
  /** Why the last run failed. */
  readonly lastError?: string;
}

/** A job that failed permanently. */
export interface DeadJob extends JobRow {
  readonly id: string;
  /** Milliseconds since the Unix epoch. */
  readonly diedAt: number;
}

/** How long dead jobs are kept: 30 days, in milliseconds. */
export const DEAD_JOB_KEPT_MS = 30 * 86_400_000;

/** Identifies a queued job, so that it can be withdrawn. */
export interface QueuedJob {
  readonly id: string;
  readonly revision: string;
}

/** A job with the mutations that store it. */
export interface PlannedJob extends QueuedJob {
  readonly rows: readonly { readonly key: Key; readonly row: unknown }[];
}

/**
 * Plans a job for a commit that the caller builds: the job exists once its rows
 * are written. Payload and key must fit into one value of the store.
 */
export function planJob<T>(
  clock: Clock,
  kind: JobKind<T>,
  payload: T,
  options: EnqueueOptions = {},
): PlannedJob {
  const { dedupeKey, runAt = clock.now() } = options;
  const id = `${kind.name}/${dedupeKey ?? crypto.randomUUID()}`;
  const row: JobRow = {
    kind: kind.name,
    payload,
    runAt,
    enqueuedAt: clock.now(),
    plannedAt: clock.now(),
    attempts: 0,
    revision: crypto.randomUUID(),
  };
  return { id, revision: row.revision, rows: rowsOf(id, row) };
}

/**
 * Adds a job to `commit` and returns its id. The job exists once the commit is
 * applied. Same limits as {@linkcode planJob}.
 */
export function enqueue<T>(
  commit: Atomic,
  clock: Clock,
  kind: JobKind<T>,
  payload: T,
  options: EnqueueOptions = {},
): string {
  const { id, rows } = planJob(clock, kind, payload, options);
  for (const { key, row } of rows) commit.set(key, row);
  return id;
}

/** The mutations that queue `row` under `id`. */
export function addJob(commit: Atomic, id: string, row: JobRow): void {
  for (const { key, row: value } of rowsOf(id, row)) commit.set(key, value);
}

function rowsOf(id: string, row: JobRow): PlannedJob["rows"] {
  return [
    { key: jobKey(id), row },
    { key: dueKey(row.kind, row.runAt, id), row: true },
  ];
}

/** Withdraws jobs that are no longer needed, unless they were queued again. */
export async function withdraw(
  kv: Kv,
  jobs: readonly QueuedJob[],
): Promise<void> {
  for (let i = 0; i < jobs.length; i += KV_LIMITS.checks) {
    const some = jobs.slice(i, i + KV_LIMITS.checks);
    if (await withdrawTogether(kv, some)) continue;
    // One of them was changed at this moment.
    for (const job of some) await withdrawTogether(kv, [job]);
  }
}

/** The same in one commit; returns false when another one was faster. */
async function withdrawTogether(
  kv: Kv,
  jobs: readonly QueuedJob[],
): Promise<boolean> {
  const rows = await kv.getMany<JobRow>(jobs.map(({ id }) => jobKey(id)));
  const commit = kv.atomic();
  jobs.forEach(({ id, revision }, i) => {
    const entry = rows[i];
    if (entry?.value.revision !== revision) return;
    const { kind, runAt } = entry.value;
    commit.check(entry.key, entry.versionstamp)
      .delete(entry.key)
      .delete(dueKey(kind, runAt, id));
  });
  return await commit.commit();
}

/**
 * Lists the waiting and running jobs of `kind` by due time, including those not
 * due yet; at most `limit`.
 */
export async function* waitingJobs<T>(
  kv: Kv,
  kind: JobKind<T>,
  limit: number,
): AsyncGenerator<QueuedJob & { readonly payload: T }> {
  const all = dueKeys(kind.name, Number.MAX_VALUE);
  for await (const due of kv.list(all, { limit })) {
    const id = String(due.key.at(-1));
    const row = (await kv.get<JobRow>(jobKey(id)))?.value;
    // Left over from a replaced or finished job.
    if (!row || row.runAt !== due.key.at(-2)) continue;
    const payload = kind.payload.safeParse(row.payload);
    if (!payload.success) continue;
    yield { id, revision: row.revision, payload: payload.data };
  }
}

/** Lists the jobs that failed permanently in the last 30 days, at most `limit`. */
export async function listDeadJobs(kv: Kv, limit = 100): Promise<DeadJob[]> {
  const jobs: DeadJob[] = [];
  for await (const entry of kv.list<DeadJob>(deadJobKeys, { limit })) {
    jobs.push(entry.value);
  }
  return jobs;
}

/**
 * Queues a dead job again, from its first attempt. Throws AppError `NOT_FOUND`
 * when there is none with this id.
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
    plannedAt: clock.now(),
    attempts: 0,
    revision: crypto.randomUUID(),
  });
  // A waiting job with the same key already does the same work.
  await commit.commit();
}

const MAX_ATTEMPTS = 10;
const BACKOFF_MS = 5_000;
const MAX_BACKOFF_MS = 6 * 3_600_000;

/** Maximum number of runs of a job of `kind`. */
export function attemptsOf(kind: JobKind<unknown>): number {
  return kind.maxAttempts ?? MAX_ATTEMPTS;
}

/**
 * Pause after the run number `attempts` (from 1) failed with `error`, in
 * milliseconds: exponential or as listed by the kind, with up to a quarter of
 * jitter, and not shorter than the error's `retryAfterSeconds`.
 */
export function pauseAfter(
  kind: JobKind<unknown>,
  attempts: number,
  error: unknown,
): number {
  const pause = plannedPause(kind, attempts);
  const asked = error instanceof AppError ? error.retryAfterSeconds ?? 0 : 0;
  return Math.round(Math.max(pause * (1 + Math.random() / 4), asked * 1000));
}

function plannedPause(kind: JobKind<unknown>, attempts: number): number {
  const { backoffMs = BACKOFF_MS, maxBackoffMs = MAX_BACKOFF_MS } = kind;
  const listed = kind.pausesMs?.[attempts - 1] ?? kind.pausesMs?.at(-1);
  return listed ?? Math.min(backoffMs * 2 ** (attempts - 1), maxBackoffMs);
}
