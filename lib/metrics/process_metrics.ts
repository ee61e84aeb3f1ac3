/**
 * Metrics of the process: what runs, its memory, and whether its event loop is
 * held up.
 *
 * @module
 */

import type { Metrics } from "../metrics.ts";

/** How often the delay of the event loop is measured, in milliseconds. */
const EVERY_MS = 500;

/** Exports the metrics of this process; returns a function that ends the measuring. */
export function watchProcess(metrics: Metrics, version: string): () => void {
  metrics.info(
    "atcr_build_info",
    "1, with the versions of this program and of Deno.",
    { version, deno: Deno.version.deno },
  );
  const startedAt = Date.now() / 1000;
  metrics.watch(
    "gauge",
    "process_start_time_seconds",
    "Start of the process in seconds since the Unix epoch.",
    () => startedAt,
  );
  metrics.watch(
    "gauge",
    "process_resident_memory_bytes",
    "Memory of the process.",
    () => Deno.memoryUsage().rss,
  );
  metrics.watch(
    "gauge",
    "process_heap_bytes",
    "Memory in use on the heap of JavaScript.",
    () => Deno.memoryUsage().heapUsed,
  );
  // A timer that fires late was held up by something that ran too long.
  let due = performance.now() + EVERY_MS;
  let latest = 0;
  let worst = 0;
  const timer = setInterval(() => {
    latest = Math.max(0, performance.now() - due) / 1000;
    worst = Math.max(worst, latest);
    due = performance.now() + EVERY_MS;
  }, EVERY_MS);
  Deno.unrefTimer(timer);
  metrics.watch(
    "gauge",
    "atcr_event_loop_delay_seconds",
    "Longest delay of the event loop since the last scrape.",
    () => {
      const delay = Math.max(worst, (performance.now() - due) / 1000, 0);
      worst = 0;
      return delay;
    },
  );
  return () => clearInterval(timer);
}
