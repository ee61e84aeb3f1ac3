/**
 * Jobs that wait for a lane: bounded by their number, the memory of their
 * pictures and a deadline, and ordered by their cost, which is estimated from the
 * header of the picture, so that a small picture does not wait for large ones.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import type { Rendered } from "../image/render.ts";
import type { Job } from "./lane.ts";
import { place } from "../image/geometry.ts";
import { uprightSize } from "../image/info.ts";
import { checkedSniff, decodeBytes } from "../image/image_limits.ts";

/** A job with its cost. */
export interface Waiting {
  readonly job: Job;
  readonly cost: JobCost;
  readonly settle: PromiseWithResolvers<Rendered>;
}

/** Limits of a {@linkcode JobQueue}. */
export interface QueueLimits {
  /** Jobs that wait; further ones are refused. */
  readonly queueLimit: number;
  /** Bytes of the pictures that wait. */
  readonly queueBytes: number;
  /** How long a job waits, in milliseconds. */
  readonly maxWaitMs: number;
  /** Jobs that run at the same time. */
  readonly lanes: number;
}

interface Entry extends Waiting {
  readonly since: number;
  /** Ends the wait. */
  readonly left: AbortController;
}

/**
 * How long a job is overtaken for every millisecond of its own estimate: jobs
 * are taken in the order of arrival plus this.
 */
const PATIENCE = 4;
const RETRY_AFTER_SECONDS = 2;

/** Waiting jobs. */
export class JobQueue {
  readonly #clock: Clock;
  readonly #limits: QueueLimits;
  readonly #entries = new Set<Entry>();
  #refused = 0;

  constructor(clock: Clock, limits: QueueLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Jobs that were refused. */
  get refused(): number {
    return this.#refused;
  }

  /**
   * Adds a job; it is refused when it is still here after the deadline. Throws
   * AppError `UNAVAILABLE` when there is no room.
   */
  add(waiting: Waiting): void {
    if (!this.#hasRoom(waiting.job)) throw this.refusal();
    const left = new AbortController();
    const entry = { ...waiting, since: this.#clock.now(), left };
    this.#entries.add(entry);
    this.#limitWait(entry);
  }

  /** Removes the first job that `admits` lets start. */
  take(admits: (cost: JobCost) => boolean): Waiting | undefined {
    let first: Entry | undefined;
    for (const entry of this.#entries) {
      if (first && rank(first) <= rank(entry)) continue;
      if (admits(entry.cost)) first = entry;
    }
    if (first === undefined) return undefined;
    this.#entries.delete(first);
    first.left.abort();
    return first;
  }

  /** Whether `admits` lets any job start. */
  some(admits: (cost: JobCost) => boolean): boolean {
    return [...this.#entries].some(({ cost }) => admits(cost));
  }

  /** Refuses all jobs. */
  clear(): void {
    for (const entry of this.#entries) this.#refuse(entry);
  }

  /** The error of a refused job. */
  refusal(): AppError {
    this.#refused++;
    return new AppError(
      "UNAVAILABLE",
      "Too many pictures are being made at the moment. Try again in a few seconds.",
      { retryAfterSeconds: RETRY_AFTER_SECONDS },
    );
  }

  async #limitWait(entry: Entry): Promise<void> {
    await this.#clock.sleep(this.#limits.maxWaitMs, entry.left.signal);
    if (!entry.left.signal.aborted) this.#refuse(entry);
  }

  #refuse(entry: Entry): void {
    this.#entries.delete(entry);
    entry.left.abort();
    entry.settle.reject(this.refusal());
  }

  /** Whether one more job can wait, and those before it are done by its deadline. */
  #hasRoom(job: Job): boolean {
    const { queueLimit, queueBytes, maxWaitMs, lanes } = this.#limits;
    const pictures = new Set(pictureOf(job));
    let ms = 0;
    for (const waiting of this.#entries) {
      ms += waiting.cost.ms;
      for (const picture of pictureOf(waiting.job)) pictures.add(picture);
    }
    let bytes = 0;
    for (const { length } of pictures) bytes += length;
    return this.size < queueLimit && ms < maxWaitMs * lanes &&
      bytes <= queueBytes;
  }
}

const rank = ({ since, cost }: Entry) => since + PATIENCE * cost.ms;

/** The bytes that a job keeps in memory; several jobs may share them. */
const pictureOf = (job: Job) => job.kind === "render" ? [job.bytes] : [];

/** Maximum cost of a job. */
export interface JobCost {
  /** Bytes of memory. */
  readonly bytes: number;
  /** Approximate time in milliseconds. */
  readonly ms: number;
  /** Whether it takes long enough to delay the jobs after it. */
  readonly heavy: boolean;
}

/** Memory per result pixel in the kernel, in the encoder and in transfer. */
const BYTES_PER_RESULT_PIXEL = 16;
/** Time of decoding a million pixels, weighted by cost, and of encoding them. */
const DECODE_MS = 2;
const ENCODE_MS = 80;
/** Jobs that take this long are heavy. */
const HEAVY_MS = 60;

/**
 * Estimates a job.
 *
 * Throws AppError `UNSUPPORTED_MEDIA_TYPE` or `UNPROCESSABLE` for a picture
 * that exceeds the limits, which never reaches a lane.
 */
export function jobCost(job: Job): JobCost {
  if (job.kind === "scene") {
    return costOf(0, 0, job.width * job.height);
  }
  const { bytes, request, limits } = job;
  const info = checkedSniff(bytes, limits);
  const { canvas } = place(uprightSize(info), request, limits.maxSide);
  const result = canvas.width * canvas.height;
  const work = info.width * info.height * info.cost / 1e6;
  return costOf(decodeBytes(info), work, result);
}

function costOf(decode: number, work: number, result: number): JobCost {
  const ms = work * DECODE_MS + result / 1e6 * ENCODE_MS;
  const bytes = decode + result * BYTES_PER_RESULT_PIXEL;
  return { bytes, ms, heavy: ms >= HEAVY_MS };
}
