/**
 * The work of a lane as messages that can be passed between threads.
 *
 * @module
 */

import { AppError, type ErrorCode } from "../../errors.ts";
import type { OutputFormat } from "../image/encode.ts";
import type { Size } from "../image/geometry.ts";
import type { ImageLimits } from "../image/limits.ts";
import {
  finish,
  render,
  type Rendered,
  type RenderRequest,
} from "../image/render.ts";
import { sceneRgba } from "../placeholder/raster.ts";
import type { Scene } from "../placeholder/scene.ts";

/** A picture to be rendered. */
export interface RenderJob {
  readonly kind: "render";
  readonly bytes: Uint8Array;
  readonly request: RenderRequest;
  readonly limits: ImageLimits;
}

/** A drawing to be encoded. */
export interface SceneJob extends Size {
  readonly kind: "scene";
  readonly scene: Scene;
  readonly format: OutputFormat;
  readonly quality: number;
}

/** A job of a lane. */
export type Job = RenderJob | SceneJob;

/** Result of a job. */
export type Outcome =
  | { readonly ok: true; readonly result: Rendered }
  | {
    readonly ok: false;
    /** Undefined for an internal error. */
    readonly code: ErrorCode | undefined;
    readonly message: string;
    /** For the log. */
    readonly cause: string | undefined;
  };

/** Runs a job. Never throws. */
export async function perform(job: Job): Promise<Outcome> {
  try {
    return { ok: true, result: await run(job) };
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    return {
      ok: false,
      code: error instanceof AppError ? error.code : undefined,
      message: error instanceof Error ? error.message : String(error),
      cause: cause === undefined ? undefined : String(cause),
    };
  }
}

/** Returns the result of a job, or throws its error. */
export function unwrap(outcome: Outcome): Rendered {
  if (outcome.ok) return outcome.result;
  const { code, message, cause } = outcome;
  if (code === undefined) throw new Error(message, { cause });
  throw new AppError(code, message, { cause });
}

async function run(job: Job): Promise<Rendered> {
  if (job.kind === "render") {
    return await render(job.bytes, job.request, job.limits);
  }
  const { scene, width, height } = job;
  return await finish(job, (kernel) => {
    const pixels = kernel.place(sceneRgba(scene, width, height));
    return { pixels, width, height };
  });
}
