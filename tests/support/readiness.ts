/**
 * Whether servers are ready to be sent requests.
 *
 * @module
 */

import { until } from "./until.ts";

/** A check of readiness. */
export interface Readiness {
  /** 200 or 503. */
  readonly status: number;
  /** Milliseconds until the response. */
  readonly tookMs: number;
}

/** Asks a server; rejects when it cannot be reached. */
export async function readiness(origin: string): Promise<Readiness> {
  const askedAt = performance.now();
  const response = await fetch(`${origin}/readyz`);
  await response.body?.cancel();
  return { status: response.status, tookMs: performance.now() - askedAt };
}

/** Waits until a server that can be reached is ready; returns how long it took, in milliseconds. */
export async function untilReady(origin: string): Promise<number> {
  const since = performance.now();
  await until(async () => (await readiness(origin)).status === 200);
  return Math.round(performance.now() - since);
}
