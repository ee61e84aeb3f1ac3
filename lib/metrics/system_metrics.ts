/**
 * Metrics of what the program stands on: store, storage, other servers, chores
 * and the process itself.
 *
 * @module
 */

import { Counter, Histogram, type Registry } from "prom-client";
import { CallMeter, type CallSpans } from "./calls.ts";
import { ChoreMetrics } from "./chore_metrics.ts";

/** Other servers, by what they are asked for. */
export type UpstreamTarget =
  | "plc"
  | "identity"
  | "pds"
  | "service_auth"
  | "hold"
  | "other";

const FAST = [0.0005, 0.002, 0.01, 0.05, 0.25, 1, 5, 15];
const SLOW = [0.005, 0.02, 0.1, 0.5, 2, 10, 60];

/** The metrics of one process. */
export class SystemMetrics {
  /** Calls to the key-value store. */
  readonly kv: CallMeter;
  readonly #conflicts: Counter;
  /** Calls to storages. */
  readonly storage: CallMeter;
  /** Periodic work. */
  readonly chores: ChoreMetrics;
  readonly #spans: CallSpans | undefined;
  readonly #bytes: Counter<"driver" | "direction">;
  readonly #upstream: Counter<"target" | "status">;
  readonly #upstreamSeconds: Histogram<"target">;
  readonly #refusals: Counter<"surface" | "code">;

  constructor(registry: Registry, spans?: CallSpans) {
    const registers = [registry];
    this.#spans = spans;
    this.kv = new CallMeter({
      registry,
      prefix: "atcr_kv",
      what: "the key-value store",
      span: "kv",
      spans,
      buckets: FAST,
    });
    this.storage = new CallMeter({
      registry,
      prefix: "atcr_storage",
      what: "the storage of blobs and pictures",
      span: "storage",
      spans,
      buckets: SLOW,
    });
    this.#conflicts = new Counter({
      name: "atcr_kv_conflicts_total",
      help: "Commits that another one was ahead of; most are tried again.",
      registers,
    });
    this.#bytes = new Counter({
      name: "atcr_storage_bytes_total",
      help: "Bytes of objects asked for and stored, by driver and direction: " +
        "read or written.",
      labelNames: ["driver", "direction"],
      registers,
    });
    this.#upstream = new Counter({
      name: "atcr_upstream_requests_total",
      help: "Requests to other servers, by target (plc, identity, pds, " +
        "service_auth, hold or other) and status; failed when there was no answer.",
      labelNames: ["target", "status"],
      registers,
    });
    this.#upstreamSeconds = new Histogram({
      name: "atcr_upstream_request_duration_seconds",
      help: "Time until another server answered.",
      labelNames: ["target"],
      buckets: [...SLOW],
      registers,
    });
    this.#refusals = new Counter({
      name: "atcr_refusals_total",
      help: "Requests answered with an error, by surface and code.",
      labelNames: ["surface", "code"],
      registers,
    });
    this.chores = new ChoreMetrics(registry);
  }

  /** A commit failed because of its checks. */
  kvConflict(): void {
    this.#conflicts.inc();
  }

  /** Bytes that were read from or written to the storage of `driver`. */
  storageBytes(
    driver: string,
    direction: "read" | "written",
    bytes: number,
  ): void {
    this.#bytes.inc({ driver, direction }, bytes);
  }

  /** Runs a request to another server. */
  upstream(
    target: UpstreamTarget,
    work: () => Promise<Response>,
  ): Promise<Response> {
    const timed = () => this.#asked(target, work);
    if (this.#spans === undefined) return timed();
    return this.#spans.call(`fetch ${target}`, timed);
  }

  async #asked(
    target: UpstreamTarget,
    work: () => Promise<Response>,
  ): Promise<Response> {
    const started = performance.now();
    try {
      const response = await work();
      this.#upstream.inc({ target, status: String(response.status) });
      return response;
    } catch (error) {
      this.#upstream.inc({ target, status: "failed" });
      throw error;
    } finally {
      const seconds = (performance.now() - started) / 1000;
      this.#upstreamSeconds.observe({ target }, seconds);
    }
  }

  /** A request was answered with an error. */
  refused(surface: string, code: string): void {
    this.#refusals.inc({ surface, code });
  }
}
