/**
 * Waits for work only so long.
 *
 * @module
 */

import type { Clock } from "../clock.ts";

/** The result of `work`, or undefined when it takes longer than `ms` milliseconds; it goes on then, and its errors are dropped. */
export async function withinTime<T>(
  clock: Clock,
  ms: number,
  work: Promise<T>,
): Promise<T | undefined> {
  const over = new AbortController();
  try {
    const late = clock.sleep(ms, over.signal).then(
      () => undefined,
      () => undefined,
    );
    return await Promise.race([work, late]);
  } finally {
    over.abort();
    work.catch(() => {});
  }
}
