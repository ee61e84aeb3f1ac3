/**
 * Worker of a lane: runs one job at a time.
 *
 * @module
 */

import { type Job, perform } from "./lane.ts";
import { warmUp } from "./warm_up.ts";

/** The part of a worker's global scope that is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<Job>) => void) | null;
  postMessage(message: unknown, transfer?: Transferable[]): void;
}

const scope = globalThis as unknown as WorkerScope;

await warmUp(perform);
scope.onmessage = async ({ data }) => {
  const outcome = await perform(data);
  const transfer = outcome.ok ? [outcome.result.bytes.buffer] : [];
  scope.postMessage(outcome, transfer);
};
scope.postMessage("ready");
