/**
 * What does the jobs of a kind.
 *
 * @module
 */

import { z } from "zod";
import { type JobKind } from "./jobs.ts";

/** What a handler receives besides the payload. */
export interface JobRun {
  readonly id: string;
  /** From 1. */
  readonly attempt: number;
  /** Aborted when the claim is lost or the runner stops; the job runs again later. */
  readonly signal: AbortSignal;
}

/**
 * Does one job. It may run more than once, so doing it twice must be as good
 * as once. An AppError's `retryAfterSeconds` is the least pause before the
 * next attempt.
 */
export type JobHandler<T> = (payload: T, run: JobRun) => Promise<void>;

/** A kind with its handler. */
export interface Registered {
  readonly kind: JobKind<unknown>;
  /** Checks the payload and calls the handler. */
  readonly handle: (payload: unknown, run: JobRun) => Promise<void>;
}

/** A payload that no further attempt makes valid. */
export class BadPayload extends Error {}

/** Joins a kind with its handler, which gets only payloads that are valid. */
export function registered<T>(
  kind: JobKind<T>,
  handler: JobHandler<T>,
): Registered {
  return {
    kind,
    handle: async (payload, run) => {
      const parsed = kind.payload.safeParse(payload);
      if (!parsed.success) throw new BadPayload(z.prettifyError(parsed.error));
      await handler(parsed.data, run);
    },
  };
}
