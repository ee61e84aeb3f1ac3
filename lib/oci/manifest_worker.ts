/**
 * Worker that parses large manifests.
 *
 * @module
 */

import { isAppError } from "../errors.ts";
import { parseManifest } from "./manifest.ts";
import { namedDigests } from "./named_digests.ts";
import { type ReadOutcome, type ReadTask, trimmed } from "./manifest_task.ts";

/** The part of a worker's global scope that is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ReadTask>) => void) | null;
  postMessage(message: ReadOutcome): void;
}

const scope = globalThis as unknown as WorkerScope;

scope.onmessage = ({ data: { id, bytes, want } }) => {
  try {
    if (want.kind === "digests") {
      scope.postMessage({ id, digests: namedDigests(bytes) });
      return;
    }
    const manifest = trimmed(parseManifest(bytes, want.contentType));
    scope.postMessage({ id, manifest });
  } catch (error) {
    if (!isAppError(error)) throw error;
    const { code, message, detail } = error;
    scope.postMessage({ id, refused: { code, message, detail } });
  }
};
