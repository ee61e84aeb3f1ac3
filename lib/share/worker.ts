/**
 * Worker that draws share pictures, one at a time.
 *
 * @module
 */

import { draw } from "./draw.ts";
import type { DrawOutcome, DrawTask } from "./thread.ts";

/** The part of a worker's global scope that is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<DrawTask>) => void) | null;
  postMessage(message: DrawOutcome): void;
}

const scope = globalThis as unknown as WorkerScope;

scope.onmessage = ({ data: { id, svg } }) => {
  try {
    scope.postMessage({ id, png: draw(svg) });
  } catch (error) {
    scope.postMessage({ id, failed: String(error) });
  }
};
