/**
 * Metrics of periodic work.
 *
 * @module
 */

import { Counter, Gauge, type Registry } from "prom-client";

/** Counts and times the runs of periodic work on this instance. */
export class ChoreMetrics {
  readonly #runs: Counter<"chore" | "outcome">;
  readonly #seconds: Gauge<"chore">;
  readonly #success: Gauge<"chore">;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#runs = new Counter({
      name: "atcr_chore_runs_total",
      help: "Runs of periodic work on this instance, by outcome: ok or failed.",
      labelNames: ["chore", "outcome"],
      registers,
    });
    this.#seconds = new Gauge({
      name: "atcr_chore_duration_seconds",
      help: "Time of the last run of periodic work on this instance.",
      labelNames: ["chore"],
      registers,
    });
    this.#success = new Gauge({
      name: "atcr_chore_last_success_timestamp_seconds",
      help: "When periodic work last succeeded on this instance, in seconds " +
        "since the Unix epoch; the latest of all instances counts.",
      labelNames: ["chore"],
      registers,
    });
  }

  /** Runs `work` and measures it. */
  async run(chore: string, work: () => Promise<void>): Promise<void> {
    const started = performance.now();
    try {
      await work();
      this.#runs.inc({ chore, outcome: "ok" });
      this.#success.set({ chore }, Date.now() / 1000);
    } catch (error) {
      this.#runs.inc({ chore, outcome: "failed" });
      throw error;
    } finally {
      const seconds = (performance.now() - started) / 1000;
      this.#seconds.set({ chore }, seconds);
    }
  }
}
