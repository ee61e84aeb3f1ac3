/**
 * What a job will take, from the header of its picture.
 *
 * @module
 */

import { place } from "../image/geometry.ts";
import { uprightSize } from "../image/info.ts";
import { checkedSniff, decodeBytes } from "../image/limits.ts";
import type { Job } from "./job.ts";

/** What a job will take at most. */
export interface JobCost {
  /** Bytes of memory. */
  readonly bytes: number;
  /** Whether it takes long enough to be felt by those behind it. */
  readonly heavy: boolean;
}

/** A result's pixels in the kernel, in the encoder and on the way between. */
const BYTES_PER_RESULT_PIXEL = 16;
/** From so many million pixels, weighted by their cost, a picture is heavy; about 60 ms. */
const HEAVY_INPUT = 10;
/** From so many pixels on a result is heavy to encode. */
const HEAVY_RESULT = 1000 * 1000;

/**
 * Estimates a job.
 *
 * Throws AppError `UNSUPPORTED_MEDIA_TYPE` or `UNPROCESSABLE` for a picture
 * that is beyond its limits: those never reach a lane.
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
