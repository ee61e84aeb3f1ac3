/**
 * Lanes and their jobs. A lane runs one job at a time: on a thread of its own
 * or, if none is available, on this one. Jobs and outcomes are plain data that
 * can be sent to threads.
 *
 * @module
 */

import { sealedWorker } from "../../async/sealed_worker.ts";
import { AppError, type ErrorCode } from "../../errors.ts";
import type { OutputFormat } from "../image/encode.ts";
import type { Size } from "../image/geometry.ts";
import type { ImageLimits } from "../image/image_limits.ts";
import {
  finish,
  render,
  type Rendered,
  type RenderRequest,
} from "../image/render.ts";
import { sceneRgba } from "../placeholder/raster.ts";
import type { Scene } from "../placeholder/scene.ts";
import { warmUp } from "./warm_up.ts";

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

/** Runs jobs. */
export interface Lane {
  /** Resolves when the lane is warm; rejects when it cannot start. */
  readonly ready: Promise<void>;
  /** Runs a job; the lane must be ready and idle. Rejects when the lane breaks. */
  run(job: Job): Promise<Outcome>;
  /** Ends an idle lane and frees its memory. A busy one ends after its job. */
  close(): void;
}

const WORKER = new URL("./worker.ts", import.meta.url);

/** A lane in a new worker. It never becomes ready if the worker's code may not be read. */
export function workerLane(): Lane {
  const worker = sealedWorker(WORKER);
  if (worker === undefined) {
    const error = new Error(`${WORKER.pathname} cannot run on a thread`);
    const failed = Promise.reject(error);
    failed.catch(() => {}); // for callers that wait
    return { ready: failed, run: () => failed, close() {} };
  }
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => {}); // it may break while no caller waits
  let pending: PromiseWithResolvers<Outcome> | undefined;
  let broken: Error | undefined;
  let closed = false;

  const fail = (error: Error) => {
    broken = error;
    ready.reject(error);
    pending?.reject(error);
    pending = undefined;
  };
  worker.onmessage = ({ data }: MessageEvent<"ready" | Outcome>) => {
    if (data === "ready") return ready.resolve();
    pending?.resolve(data);
    pending = undefined;
    // A busy worker cannot be terminated, so it is terminated here.
    if (closed) worker.terminate();
  };
  worker.onerror = (event) => {
    event.preventDefault();
    fail(new Error(`A worker broke: ${event.message}`));
  };
  worker.onmessageerror = () => {
    fail(new Error("A worker sent what cannot be read"));
  };

  return {
    ready: ready.promise,
    run(job) {
      if (broken !== undefined) return Promise.reject(broken);
      pending = Promise.withResolvers<Outcome>();
      worker.postMessage(job);
      return pending.promise;
    },
    close() {
      closed = true;
      if (pending === undefined) worker.terminate();
    },
  };
}

/** A lane on the main thread: no other request is served while it runs. */
export function inlineLane(): Lane {
  return { ready: warmUp(perform), run: perform, close() {} };
}
