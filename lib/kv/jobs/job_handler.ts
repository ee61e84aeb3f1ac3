/**
 * Handlers of job kinds.
 *
 * @module
 */

import { z } from "zod";
import { type JobKind } from "./jobs.ts";

/** Context of a run, passed to the handler with the payload. */
export interface JobRun {
  readonly id: string;
  /** From 1. */
  readonly attempt: number;
  /** Aborted when the claim is lost or the runner stops; the job runs again later. */
  readonly signal: AbortSignal;
}

/**
 * Runs one job. It must be idempotent, because a job may run more than once.
 * `retryAfterSeconds` of a thrown AppError is the minimum pause before the next
 * attempt.
 */
export type JobHandler<T> = (payload: T, run: JobRun) => Promise<void>;

/** A kind with its handler. */
export interface Registered {
  readonly kind: JobKind<unknown>;
  /** Validates the payload and calls the handler. */
  readonly handle: (payload: unknown, run: JobRun) => Promise<void>;
}

/** Thrown for an invalid payload; retries cannot help. */
export class BadPayload extends Error {}

/** Combines a kind with its handler, which receives only valid payloads. */
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
