/**
 * Runs the jobs of `jobs.ts`: claims due jobs by lease, so that one instance
 * runs each and another takes over if that one dies.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import { operatorMessage } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { attemptsOf, type JobKind, pauseAfter } from "./jobs.ts";
import { JobsAhead } from "./jobs_ahead.ts";
import { dueKeys } from "../keys.ts";
import type { Kv } from "../kv.ts";
import { type JobClaim, JobRows } from "./job_rows.ts";
import {
  BadPayload,
  type JobHandler,
  type Registered,
  registered,
} from "./job_handler.ts";

/** Options of {@linkcode JobRunner}. */
export interface JobRunnerOptions {
  readonly kv: Kv;
  /** Must be the clock of `kv`. */
  readonly clock: Clock;
  readonly log: Logger;
  /** Concurrent jobs in this instance; 4 by default. */
  readonly concurrency?: number;
  /** Time after which a dead worker's job is taken over, in milliseconds; 60,000 by default. */
  readonly leaseMs?: number;
  /** While it returns true no job is begun. */
  readonly isPaused?: () => Promise<boolean>;
  /** Polling interval in milliseconds; 5,000 by default. */
  readonly pollMs?: number;
}

interface Claim extends JobClaim {
  readonly registered: Registered;
}

const DEFAULTS = { concurrency: 4, leaseMs: 60_000, pollMs: 5_000 };
const ERROR_LENGTH = 1_000;
/** Ends a pause. Without a reason, each end would make an error with a stack. */
const WOKEN = "the pause is over";

/** Runs due jobs of the registered kinds, in the background or on demand. */
export class JobRunner {
  readonly #kv: Kv;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #concurrency: number;
  readonly #isPaused: () => Promise<boolean>;
  readonly #pollMs: number;
  readonly #ahead: JobsAhead;
  readonly #rows: JobRows;
  readonly #kinds = new Map<string, Registered>();
  readonly #running = new Set<Promise<void>>();
  /** Slots in use per lane. */
  readonly #used = new Map<string, number>();
  /** Runs that have ended. */
  #ended = 0;
  /** Ends the loop; no new job starts. */
  #stopping = new AbortController();
  /** Aborts the handlers. */
  #aborting = new AbortController();
  #loop: Promise<void> | undefined;
  /** Ends the pause before the next poll. */
  #woken = new AbortController();
  #looks = 0;

  constructor(options: JobRunnerOptions) {
    this.#kv = options.kv;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#ahead = new JobsAhead(options);
    this.#concurrency = options.concurrency ?? DEFAULTS.concurrency;
    const { leaseMs = DEFAULTS.leaseMs } = options;
    this.#rows = new JobRows(options.kv, options.clock, leaseMs);
    this.#isPaused = options.isPaused ?? (() => Promise.resolve(false));
    this.#pollMs = options.pollMs ?? DEFAULTS.pollMs;
  }

  /**
   * Registers the handler of `kind`. Jobs of unregistered kinds are left to
   * other instances. Throws when the kind already has a handler.
   */
  register<T>(kind: JobKind<T>, handler: JobHandler<T>): void {
    if (this.#kinds.has(kind.name)) {
      throw new Error(`The job kind ${kind.name} already has a handler`);
    }
    this.#kinds.set(kind.name, registered(kind, handler));
  }

  /** Names of the kinds that this instance handles. */
  get kinds(): readonly string[] {
    return [...this.#kinds.keys()];
  }

  /** Jobs that run on this instance. */
  get running(): number {
    return this.#running.size;
  }

  /** Starts running jobs in the background. */
  start(): void {
    this.#loop ??= this.#run();
  }

  /** Polls for due jobs now, if the runner runs in the background. */
  wake(): void {
    this.#woken.abort();
  }

  /**
   * Starts no new job and waits for the running ones; after `graceMs` their
   * signals are aborted. Unfinished jobs run again after a restart.
   */
  async stop(graceMs = 10_000): Promise<void> {
    this.#stopping.abort();
    const done = new AbortController();
    const finished = this.#finished().then(() => done.abort());
    await this.#clock.sleep(graceMs, done.signal);
    this.#aborting.abort(new Error("The server stops"));
    await finished;
    this.#loop = undefined;
    this.#stopping = new AbortController();
    this.#aborting = new AbortController();
  }

  async #finished(): Promise<void> {
    // The loop may begin a last job that it has claimed already.
    await this.#loop;
    await Promise.all(this.#running);
  }

  /**
   * Runs everything that is due, including what becomes due meanwhile, up to
   * about `limit` runs, and returns the number of runs; for `Deno.cron` and
   * tests.
   */
  async runDue(limit = 10_000): Promise<number> {
    let runs = 0;
    for (;;) {
      const ended = this.#ended;
      const begun = runs < limit ? await this.#claimDue() : 0;
      runs += begun;
      // A slot may have become free meanwhile, or a job have queued another.
      if (begun > 0 || ended !== this.#ended) continue;
      if (this.#running.size === 0) return runs;
      await Promise.race(this.#running);
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const woken = new AbortController();
      this.#woken = woken;
      try {
        // A slot may have become free meanwhile.
        if (await this.#claimDue() > 0) continue;
      } catch (error) {
        this.#log.error("jobs cannot be read", { error });
      }
      // Use a free slot at once.
      const pause = AbortSignal.any([signal, woken.signal]);
      const sleep = this.#clock.sleep(this.#pollMs, pause);
      await Promise.race([sleep, ...this.#running]);
      woken.abort(WOKEN);
    }
  }

  /** Starts due jobs while there are free slots; returns how many. */
  async #claimDue(): Promise<number> {
    if (await this.#isPaused()) return 0;
    await this.#ahead.bringBack(
      [...this.#kinds.values()].map(({ kind }) => kind),
    );
    let begun = 0;
    // Start with another kind each time, so that none takes all the slots.
    const kinds = [...this.#kinds.values()];
    const first = this.#looks++ % Math.max(1, kinds.length);
    for (
      const registered of [...kinds.slice(first), ...kinds.slice(0, first)]
    ) {
      if (!this.#hasSlot(registered.kind)) continue;
      const due = dueKeys(registered.kind.name, this.#clock.now());
      for await (const entry of this.#kv.list(due)) {
        if (this.#stopping.signal.aborted) return begun;
        if (!this.#hasSlot(registered.kind)) break;
        const claim = await this.#rows.claim(registered.kind, entry);
        if (claim === undefined) continue;
        this.#begin({ ...claim, registered });
        begun++;
      }
    }
    return begun;
  }

  #hasSlot(kind: JobKind<unknown>): boolean {
    const used = this.#used.get(laneOf(kind)) ?? 0;
    return used < (kind.concurrency ?? this.#concurrency);
  }

  #begin(claim: Claim): void {
    const lane = laneOf(claim.registered.kind);
    const use = (slots: number) =>
      this.#used.set(lane, (this.#used.get(lane) ?? 0) + slots);
    use(1);
    const run = this.#do(claim).finally(() => {
      use(-1);
      this.#ended++;
      this.#running.delete(run);
    });
    this.#running.add(run);
  }

  async #do(claim: Claim): Promise<void> {
    const { id, row, lease, registered } = claim;
    const log = this.#log.with({ job: id, attempt: row.attempts });
    const signal = AbortSignal.any([lease.signal, this.#aborting.signal]);
    try {
      try {
        const run = { id, attempt: row.attempts, signal };
        await registered.handle(row.payload, run);
      } catch (error) {
        return await this.#fail(claim, log, error);
      }
      await this.#rows.finish(id, row);
    } catch (error) {
      // The row is unchanged; the job runs again when the lease has expired.
      log.error("a job's outcome cannot be stored", { error });
    } finally {
      await lease.release();
    }
  }

  /** Reschedules a failed job, or buries it after its last attempt. */
  async #fail(
    { id, row, registered, lease }: Claim,
    log: Logger,
    error: unknown,
  ): Promise<void> {
    // The new holder of the lease decides about the job.
    if (lease.signal.aborted) return;
    const job = await this.#rows.current(id, row);
    if (job === undefined) return;
    const message = operatorMessage(error).slice(0, ERROR_LENGTH);
    const stopped = this.#aborting.signal.aborted;
    const last = row.attempts >= attemptsOf(registered.kind);
    if (error instanceof BadPayload || (last && !stopped)) {
      log.error("a job was given up", { error });
      return await this.#rows.bury(id, job, message);
    }
    const pauseMs = stopped
      ? 0
      : pauseAfter(registered.kind, row.attempts, error);
    log.warn("a job failed and will run again", { error, pause_ms: pauseMs });
    await this.#rows.again(id, job, {
      ...row,
      attempts: stopped ? row.attempts - 1 : row.attempts,
      lastError: message,
    }, pauseMs);
  }
}

/** Kinds without their own slots share one lane. */
function laneOf(kind: JobKind<unknown>): string {
  return kind.concurrency === undefined ? "" : kind.name;
}
