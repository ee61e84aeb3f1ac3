/**
 * Sends the parts of an upload to a remote hold and completes it, with retries
 * while hold or storage fail.
 *
 * @module
 */

import { z } from "zod";
import type { Clock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import { AppError, isAppError } from "../../errors.ts";
import type { PartRef } from "../../hold_api/hold_client.ts";
import type { RemoteCalls } from "./remote_calls.ts";

export interface RemotePartsDeps {
  readonly calls: Pick<RemoteCalls, "procedure" | "sendPart">;
  readonly clock: Clock;
  /** Size of every part but the last in bytes. */
  readonly partBytes: number;
}

const HOLD = "io.atcr.hold";

/** Maximum parts of one upload: S3's limit. */
const MAX_PARTS = 10_000;

/** Attempts of one part or of the completion while hold or storage fail. */
const ATTEMPTS = 4;

/** How long to wait for a hold that is still verifying an earlier completion, in milliseconds. */
const VERIFYING_MS = 30 * 60_000;

const partTarget = z.object({
  url: z.url().max(8_192),
  method: z.enum(["PUT", "POST"]).default("PUT"),
  headers: z.record(z.string().max(256), z.string().max(4_096)).default({}),
});
const anything = z.unknown();

/** Sends parts to one hold. */
export class RemoteParts {
  readonly #deps: RemotePartsDeps;

  constructor(deps: RemotePartsDeps) {
    this.#deps = deps;
  }

  /** Sends one part, to a new URL for each attempt. Throws AppError `TOO_LARGE`, and the hold's errors. */
  async send(
    caller: Did,
    uploadId: string,
    partNumber: number,
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<PartRef> {
    const { calls, partBytes } = this.#deps;
    if (partNumber > MAX_PARTS) {
      throw new AppError(
        "TOO_LARGE",
        `The blob is larger than ${
          MAX_PARTS * partBytes
        } bytes, the limit for holds of others.`,
      );
    }
    const input = { uploadId, partNumber };
    const nsid = `${HOLD}.getPartUploadUrl`;
    for (let attempt = 1;; attempt++) {
      try {
        // A new URL for each attempt: the previous one may have expired.
        const to = await calls.procedure(caller, nsid, input, partTarget);
        return { partNumber, etag: await calls.sendPart(caller, to, bytes) };
      } catch (error) {
        if (attempt === ATTEMPTS || !isPassing(error)) throw error;
        await this.#pause(attempt);
      }
    }
  }

  /** Completes the upload; waits while the hold is verifying it. Throws the hold's errors. */
  async finish(caller: Did, input: unknown): Promise<void> {
    const { calls, clock } = this.#deps;
    const nsid = `${HOLD}.completeUpload`;
    const giveUpAt = clock.now() + VERIFYING_MS;
    for (let attempt = 1; attempt <= ATTEMPTS;) {
      try {
        await calls.procedure(caller, nsid, input, anything);
        return;
      } catch (error) {
        // Completing is idempotent; while the first call is still running, the
        // hold returns a conflict.
        const verifying = isAppError(error, "CONFLICT") &&
          clock.now() < giveUpAt;
        if (!verifying && (attempt === ATTEMPTS || !isPassing(error))) {
          throw error;
        }
        if (!verifying) attempt++;
        await this.#pause(attempt);
      }
    }
  }

  async #pause(attempt: number): Promise<void> {
    const { clock } = this.#deps;
    await clock.sleep(250 * 2 ** attempt * (0.5 + Math.random()));
  }
}

/** Whether a retry may succeed. */
function isPassing(error: unknown): boolean {
  return isAppError(
    error,
    "UPSTREAM_FAILED",
    "UPSTREAM_TIMEOUT",
    "UNAVAILABLE",
  );
}
