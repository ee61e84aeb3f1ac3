/**
 * Warms up the codecs before the first job: they are compiled when they first
 * run.
 *
 * @module
 */

import { DEFAULT_LIMITS } from "../image/image_limits.ts";
import type { OutputFormat } from "../image/encode.ts";
import { DEFAULT_QUALITY } from "../parameters.ts";
import { placeholderScene } from "../placeholder/scene.ts";
import type { Job, Outcome } from "./lane.ts";

/** Side of the pictures that are encoded and decoded, in pixels. */
const SIDE = 160;
const ROUNDS = 3;

/** Encodes and decodes every format a few times with `perform`. */
export async function warmUp(
  perform: (job: Job) => Promise<Outcome>,
): Promise<void> {
  const make = async (job: Job): Promise<Uint8Array> => {
    const outcome = await perform(job);
    if (outcome.ok) return outcome.result.bytes;
    throw new Error(outcome.message, { cause: outcome.cause });
  };
  const scene = placeholderScene("initials", "did:web:warm.up", undefined);
  for (let round = 0; round < ROUNDS; round++) {
    for (const format of ["webp", "jpg", "png"] as const) {
      const bytes = await make({
        kind: "scene",
        scene,
        width: SIDE,
        height: SIDE,
        format,
        quality: DEFAULT_QUALITY,
      });
      await make({
        kind: "render",
        bytes,
        request: {
          width: SIDE / 3,
          fit: "cover",
          density: 1,
          enlarge: false,
          format: "webp" satisfies OutputFormat,
          quality: DEFAULT_QUALITY,
        },
        limits: DEFAULT_LIMITS,
      });
    }
  }
}
