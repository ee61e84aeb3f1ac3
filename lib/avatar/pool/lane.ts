/**
 * A lane runs one job at a time: in a worker thread or, if none can be started,
 * on the main thread.
 *
 * @module
 */

import { sealedWorker } from "../../async/sealed_worker.ts";
import { type Job, type Outcome, perform } from "./job.ts";
import { warmUp } from "./warm_up.ts";

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
  return { ready: warmUp(), run: perform, close() {} };
}
