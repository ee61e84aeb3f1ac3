/**
 * Work that meets a delete in the same repository.
 *
 * @module
 */

import { AppError } from "../../errors.ts";

/** Attempts of work that conflicts with deletes. */
const WORK_ATTEMPTS = 5;

/** A removal has started or ended meanwhile: earlier decisions must be made again. */
export class RemovalsChangedError extends AppError {
  constructor() {
    super(
      "UNAVAILABLE",
      "The repository is being changed by a delete at this moment; try again.",
      { retryAfterSeconds: 1 },
    );
  }
}

/**
 * Runs `work` and retries it a few times when it throws
 * {@linkcode RemovalsChangedError}, unless `lost` is aborted.
 */
export async function whileRemovalsChange<T>(
  work: () => Promise<T>,
  lost?: AbortSignal,
): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await work();
    } catch (error) {
      const isOver = attempt === WORK_ATTEMPTS || lost?.aborted;
      if (isOver || !(error instanceof RemovalsChangedError)) throw error;
    }
  }
}
