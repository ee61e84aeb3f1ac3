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
  /** Whether it takes long enough to delay the jobs after it. */
  readonly heavy: boolean;
}

/** Memory per result pixel in the kernel, in the encoder and in transfer. */
const BYTES_PER_RESULT_PIXEL = 16;
/** Millions of pixels, weighted by cost, from which a picture is heavy; about 60 ms. */
const HEAVY_INPUT = 10;
/** Pixels from which a result is heavy to encode. */
const HEAVY_RESULT = 1000 * 1000;

/**
 * Estimates a job.
 *
 * Throws AppError `UNSUPPORTED_MEDIA_TYPE` or `UNPROCESSABLE` for a picture
 * that exceeds the limits, which never reaches a lane.
 */
export function jobCost(job: Job): JobCost {
  if (job.kind === "scene") {
    const pixels = job.width * job.height;
    const bytes = pixels * BYTES_PER_RESULT_PIXEL;
    return { bytes, heavy: pixels >= HEAVY_RESULT };
  }
  const { bytes, request, limits } = job;
  const info = checkedSniff(bytes, limits);
  const { canvas } = place(uprightSize(info), request, limits.maxSide);
  const result = canvas.width * canvas.height;
  const work = info.width * info.height * info.cost / 1e6;
  return {
    bytes: decodeBytes(info) + result * BYTES_PER_RESULT_PIXEL,
    heavy: work >= HEAVY_INPUT || result >= HEAVY_RESULT,
  };
}
