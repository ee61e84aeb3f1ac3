/**
 * Estimates the cost of a job from the header of its picture.
 *
 * @module
 */

import { place } from "../image/geometry.ts";
import { uprightSize } from "../image/info.ts";
import { checkedSniff, decodeBytes } from "../image/image_limits.ts";
import type { Job } from "./lane.ts";

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
