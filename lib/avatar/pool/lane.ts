/**
 * A lane does one job at a time: on a thread of its own or, where none can be
 * had, on this one.
 *
 * @module
 */

import { sealedWorker } from "../../async/sealed_worker.ts";
import { type Job, type Outcome, perform } from "./job.ts";
import { warmUp } from "./warm_up.ts";

/** Where jobs are done. */
export interface Lane {
  /** Resolves when the lane is warm; rejects when it cannot start. */
  readonly ready: Promise<void>;
  /** Does a job; the lane must be ready and idle. Rejects when the lane breaks. */
  run(job: Job): Promise<Outcome>;
  /** Ends an idle lane and gives its memory back. A busy one ends after its job. */
  close(): void;
}

const WORKER = new URL("./worker.ts", import.meta.url);

/** A lane on a new thread. Not ready, ever, where its code may not be read. */
export function workerLane(): Lane {
  const worker = sealedWorker(WORKER);
  if (worker === undefined) {
    const error = new Error(`${WORKER.pathname} cannot run on a thread`);
    const failed = Promise.reject(error);
    failed.catch(() => {}); // for whoever waits
    return { ready: failed, run: () => failed, close() {} };
  }
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => {}); // it may break while nobody waits
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
    // A busy worker cannot be terminated, so its end had to wait for this.
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

/** A lane on this thread: no other request is served while it works. */
export function inlineLane(): Lane {
  return { ready: warmUp(), run: perform, close() {} };
}
