/**
 * A fixed number of lanes behind a bounded queue. A busy worker cannot be
 * stopped, so the cost of a job is bounded before it starts: by the header of
 * the picture, by a memory budget for all lanes together, and by keeping one
 * lane free of heavy jobs.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { Rendered } from "../image/render.ts";
import type { PoolOptions, PoolStats } from "./bounds.ts";
import { type JobCost, jobCost } from "./cost.ts";
import {
  inlineLane,
  type Job,
  type Lane,
  type Outcome,
  unwrap,
} from "./lane.ts";

export interface PoolDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Opens a lane. */
  readonly openLane: () => Lane;
}

interface Waiting {
  readonly job: Job;
  readonly cost: JobCost;
  readonly settle: PromiseWithResolvers<Rendered>;
  /** Ends the wait for a lane. */
  readonly started: AbortController;
}

/** A lane that used more than this is replaced, because its memory does not shrink. */
const RECYCLE_BYTES = 48 << 20;
const RETRY_AFTER_SECONDS = 2;

/** Renders pictures in lanes. */
export class RenderPool {
  readonly #options: PoolOptions;
  readonly #deps: PoolDeps;
  readonly #idle: Lane[] = [];
  readonly #queue: Waiting[] = [];
  #openLane: () => Lane;
  #lanes: number;
  #open = 0; // lanes idle or busy
  #opening = 0;
  #busy = 0;
  #heavy = 0;
  #memory = 0;
  #stuck = 0;
  #done = 0;
  #refused = 0;
  #closed = false;
  #starting: Promise<void> | undefined;

  /** Lanes are opened by {@linkcode start}, or by the first job. */
  constructor(options: PoolOptions, deps: PoolDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#openLane = deps.openLane;
    this.#lanes = options.lanes;
  }

  /**
   * Opens the lanes and waits until they are warm. If no worker can be started
   * (no permission to read its code), runs jobs on the main thread instead.
   */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  async #start(): Promise<void> {
    const first = this.#openLane();
    try {
      await first.ready;
      this.#add(first);
    } catch (error) {
      this.#deps.log.warn("pictures are rendered on the main thread", {
        error,
      });
      this.#openLane = inlineLane;
      this.#lanes = 1;
    }
    await this.#refill();
  }

  /** Throws AppError `UNAVAILABLE` when no lane is left. */
  check(): void {
    if (this.#starting && this.#open === 0) throw this.#busyError();
  }

  /** Statistics for metrics. */
  get stats(): PoolStats {
    return {
      lanes: this.#open,
      busy: this.#busy,
      waiting: this.#queue.length,
      stuck: this.#stuck,
      done: this.#done,
      refused: this.#refused,
    };
  }

  /**
   * Runs a job. Throws AppError `UNAVAILABLE` with a retry time when the queue
   * is full or no lane was free in time, `UNPROCESSABLE` when the job takes too
   * long, and the job's errors.
   */
  async run(job: Job): Promise<Rendered> {
    const cost = jobCost(job);
    if (!this.#starting) await this.start();
    if (this.#queue.length >= this.#options.queueLimit || this.#closed) {
      throw this.#busyError();
    }
    const settle = Promise.withResolvers<Rendered>();
    const started = new AbortController();
    const waiting = { job, cost, settle, started };
    this.#queue.push(waiting);
    this.#dispatch();
    if (!started.signal.aborted) this.#limitWait(waiting);
    return await settle.promise;
  }

  /** Ends the lanes; queued jobs are refused. */
  close(): void {
    this.#closed = true;
    for (const lane of this.#idle.splice(0)) lane.close();
    for (const waiting of this.#queue.splice(0)) {
      waiting.started.abort();
      waiting.settle.reject(this.#busyError());
    }
  }

  #busyError(): AppError {
    this.#refused++;
    return new AppError(
      "UNAVAILABLE",
      "Too many pictures are being made at the moment. Try again in a few seconds.",
      { retryAfterSeconds: RETRY_AFTER_SECONDS },
    );
  }

  async #limitWait(waiting: Waiting): Promise<void> {
    const { signal } = waiting.started;
    await this.#deps.clock.sleep(this.#options.maxWaitMs, signal);
    if (signal.aborted) return;
    this.#queue.splice(this.#queue.indexOf(waiting), 1);
    waiting.settle.reject(this.#busyError());
  }

  /** Starts all queued jobs that may start, in order. */
  #dispatch(): void {
    while (this.#idle.length > 0) {
      const at = this.#queue.findIndex(({ cost }) => this.#admits(cost));
      const [waiting] = at < 0 ? [] : this.#queue.splice(at, 1);
      const lane = waiting && this.#idle.pop();
      if (lane === undefined || waiting === undefined) return;
      waiting.started.abort();
      this.#runIn(lane, waiting);
    }
  }

  /** A job that needs more than the whole budget may start when nothing else runs. */
  #admits({ bytes, heavy }: JobCost): boolean {
    const fits = this.#memory === 0 ||
      this.#memory + bytes <= this.#options.memoryBytes;
    return fits && !(heavy && this.#heavy >= Math.max(1, this.#open - 1));
  }

  async #runIn(lane: Lane, { job, cost, settle }: Waiting): Promise<void> {
    this.#busy++;
    this.#memory += cost.bytes;
    if (cost.heavy) this.#heavy++;
    const finished = new AbortController();
    const running = lane.run(job);
    const late = this.#deps.clock.sleep(this.#options.maxRunMs, finished.signal)
      .then(() => "late" as const);
    const outcome = await Promise.race([running, late])
      .catch((error: unknown) => new Error("a lane broke", { cause: error }));
    finished.abort();
    this.#done++;
    this.#busy--;
    if (cost.heavy) this.#heavy--;

    if (outcome === "late") {
      settle.reject(
        new AppError(
          "UNPROCESSABLE",
          "The picture takes too long to decode. Upload a simpler one.",
        ),
      );
      await this.#giveUp(lane, running, cost);
    } else if (outcome instanceof Error) {
      settle.reject(outcome);
      await this.#replace(lane, cost);
    } else {
      conclude(settle, outcome);
      if (cost.bytes <= RECYCLE_BYTES && !this.#closed) {
        this.#memory -= cost.bytes;
        this.#idle.push(lane);
      } else await this.#replace(lane, cost);
    }
    this.#dispatch();
  }

  /** Replaces a lane that is broken or has grown. */
  async #replace(lane: Lane, cost: JobCost): Promise<void> {
    this.#open--;
    lane.close();
    await this.#refill();
    this.#memory -= cost.bytes;
  }

  /** Abandons a stuck lane; its memory counts until it returns. */
  async #giveUp(
    lane: Lane,
    running: Promise<Outcome>,
    cost: JobCost,
  ): Promise<void> {
    this.#open--;
    this.#stuck++;
    this.#deps.log.error("a picture takes too long, its lane is given up", {
      stuck: this.#stuck,
    });
    lane.close();
    running.catch(() => undefined).then(() => {
      this.#stuck--;
      this.#memory -= cost.bytes;
      return this.#refill();
    });
    await this.#refill();
  }

  /** Opens missing lanes, but allows at most as many stuck ones as there are lanes. */
  async #refill(): Promise<void> {
    const lanes = this.#lanes;
    const count = Math.min(
      lanes - this.#open - this.#opening,
      2 * lanes - this.#open - this.#opening - this.#stuck,
    );
    if (this.#closed || count <= 0) return;
    await Promise.all(Array.from({ length: count }, () => this.#addLane()));
  }

  async #addLane(): Promise<void> {
    this.#opening++;
    const lane = this.#openLane();
    try {
      await lane.ready;
      this.#add(lane);
    } catch (error) {
      this.#deps.log.error("a lane for pictures does not start", { error });
    } finally {
      this.#opening--;
    }
  }

  #add(lane: Lane): void {
    if (this.#closed) return lane.close();
    this.#open++;
    this.#idle.push(lane);
    this.#dispatch();
  }
}

function conclude(
  settle: PromiseWithResolvers<Rendered>,
  outcome: Outcome,
): void {
  try {
    settle.resolve(unwrap(outcome));
  } catch (error) {
    settle.reject(error);
  }
}
