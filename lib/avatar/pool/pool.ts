/**
 * A fixed number of lanes behind a bounded queue. A busy worker cannot be
 * stopped, so the cost of a job is bounded before it starts: by the header of
 * the picture, by a memory budget for all lanes together, and by keeping one
 * lane free of heavy jobs.
 *
 * The memory of a worker does not shrink, so what large jobs took counts
 * towards the budget until their lane is replaced: when nothing waits, or when
 * the next job needs the memory.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { Rendered } from "../image/render.ts";
import type { PoolOptions, PoolStats } from "./bounds.ts";
import { type JobCost, jobCost, JobQueue, type Waiting } from "./queue.ts";
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

/** A lane and the memory that large jobs left in it. */
interface Slot {
  readonly lane: Lane;
  grown: number;
}

/** Jobs up to this many bytes use memory that a lane keeps and reuses. */
const KEPT_BYTES = 48 << 20;
/** How long a lane that has grown may be idle, in milliseconds. */
const REST_MS = 5_000;

/** Renders pictures in lanes. */
export class RenderPool {
  readonly #options: PoolOptions;
  readonly #deps: PoolDeps;
  readonly #idle: Slot[] = [];
  readonly #queue: JobQueue;
  #openLane: () => Lane;
  #lanes: number;
  #open = 0; // lanes idle or busy
  #opening = 0;
  #busy = 0;
  #heavy = 0;
  #memory = 0;
  #stuck = 0;
  #done = 0;
  #closed = false;
  /** Ends the rest before grown lanes are replaced. */
  #resting = new AbortController();
  #starting: Promise<void> | undefined;

  /** Lanes are opened by {@linkcode start}, or by the first job. */
  constructor(options: PoolOptions, deps: PoolDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#queue = new JobQueue(deps.clock, options);
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
    if (this.#starting && this.#open === 0) throw this.#queue.refusal();
  }

  /** Statistics for metrics. */
  get stats(): PoolStats {
    return {
      lanes: this.#open,
      busy: this.#busy,
      waiting: this.#queue.size,
      stuck: this.#stuck,
      done: this.#done,
      refused: this.#queue.refused,
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
    if (this.#closed) throw this.#queue.refusal();
    const settle = Promise.withResolvers<Rendered>();
    this.#queue.add({ job, cost, settle });
    this.#dispatch();
    return await settle.promise;
  }

  /** Ends the lanes; queued jobs are refused. */
  close(): void {
    this.#closed = true;
    this.#resting.abort();
    for (const { lane } of this.#idle.splice(0)) lane.close();
    this.#queue.clear();
  }

  /** Starts the queued jobs that may start, by their order. */
  #dispatch(): void {
    while (this.#idle.length > 0) {
      const waiting = this.#queue.take((cost) => this.#admits(cost));
      if (waiting === undefined) return this.#shrink();
      // Large jobs stay together, so that few lanes grow.
      this.#idle.sort((a, b) => a.grown - b.grown);
      const slot = waiting.cost.heavy ? this.#idle.pop() : this.#idle.shift();
      if (slot !== undefined) this.#runIn(slot, waiting);
    }
  }

  /**
   * Whether a job may start, if `freed` bytes were free. One that needs more
   * than the whole budget may start when nothing else runs.
   */
  #admits({ bytes, heavy }: JobCost, freed = 0): boolean {
    const memory = this.#memory - freed;
    const fits = memory === 0 || memory + bytes <= this.#options.memoryBytes;
    return fits && !(heavy && this.#heavy >= Math.max(1, this.#open - 1));
  }

  /** Replaces idle lanes that have grown, at once if a job needs their memory. */
  #shrink(): void {
    const grown = this.#idle.filter(({ grown }) => grown > 0);
    if (grown.length === 0) return;
    const freed = grown.reduce((sum, { grown }) => sum + grown, 0);
    if (this.#queue.some((cost) => this.#admits(cost, freed))) {
      for (const slot of grown) this.#retire(slot);
    } else if (this.#queue.size === 0) this.#shrinkLater();
  }

  async #shrinkLater(): Promise<void> {
    this.#resting.abort();
    const { signal } = this.#resting = new AbortController();
    await this.#deps.clock.sleep(REST_MS, signal);
    if (signal.aborted || this.#closed) return;
    for (const slot of this.#idle.filter(({ grown }) => grown > 0)) {
      this.#retire(slot);
    }
  }

  #retire(slot: Slot): void {
    this.#idle.splice(this.#idle.indexOf(slot), 1);
    this.#replace(slot);
  }

  async #runIn(slot: Slot, { job, cost, settle }: Waiting): Promise<void> {
    this.#busy++;
    this.#memory += cost.bytes;
    if (cost.heavy) this.#heavy++;
    const finished = new AbortController();
    const running = slot.lane.run(job);
    const late = this.#deps.clock.sleep(this.#options.maxRunMs, finished.signal)
      .then(() => "late" as const);
    const outcome = await Promise.race([running, late])
      .catch((error: unknown) => new Error("a lane broke", { cause: error }));
    finished.abort();
    this.#done++;
    this.#busy--;
    if (cost.heavy) this.#heavy--;

    if (cost.bytes > KEPT_BYTES) slot.grown += cost.bytes;
    else this.#memory -= cost.bytes;
    if (outcome === "late") {
      settle.reject(
        new AppError(
          "UNPROCESSABLE",
          "The picture takes too long to decode. Upload a simpler one.",
        ),
      );
      await this.#giveUp(slot, running, cost);
    } else if (outcome instanceof Error) {
      settle.reject(outcome);
      await this.#replace(slot);
    } else {
      conclude(settle, outcome);
      if (this.#closed) slot.lane.close();
      else this.#idle.push(slot);
    }
    this.#dispatch();
  }

  /** Replaces a lane that is broken or has grown. */
  async #replace({ lane, grown }: Slot): Promise<void> {
    this.#open--;
    lane.close();
    await this.#refill();
    this.#memory -= grown;
    this.#dispatch();
  }

  /** Abandons a stuck lane; its memory counts until it returns. */
  async #giveUp(
    { lane, grown }: Slot,
    running: Promise<Outcome>,
    { bytes }: JobCost,
  ): Promise<void> {
    const kept = bytes > KEPT_BYTES ? grown : grown + bytes;
    this.#memory += kept - grown;
    this.#open--;
    this.#stuck++;
    this.#deps.log.error("a picture takes too long, its lane is given up", {
      stuck: this.#stuck,
    });
    lane.close();
    running.catch(() => undefined).then(() => {
      this.#stuck--;
      this.#memory -= kept;
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
    this.#idle.push({ lane, grown: 0 });
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
