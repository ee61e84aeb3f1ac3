/**
 * Prometheus metrics. One {@linkcode Metrics} per context, so that tests do
 * not share counters. Names follow the original documents where those name one.
 *
 * @module
 */

import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** Every metric of the program. */
export class Metrics {
  readonly #registry = new Registry();

  readonly httpRequests = new Counter({
    name: "atcr_http_requests_total",
    help: "Requests answered, by surface, method and status.",
    labelNames: ["surface", "method", "status"],
    registers: [this.#registry],
  });
  readonly httpDuration = new Histogram({
    name: "atcr_http_request_duration_seconds",
    help: "Time from the request to the first byte of the answer.",
    labelNames: ["surface", "method"],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300],
    registers: [this.#registry],
  });
  readonly httpInFlight = new Gauge({
    name: "atcr_http_requests_in_flight",
    help: "Requests being answered now.",
    registers: [this.#registry],
  });
  readonly uploadedBytes = new Counter({
    name: "atcr_registry_uploaded_bytes_total",
    help: "Bytes of blobs received from clients.",
    registers: [this.#registry],
  });
  readonly manifestPushes = new Counter({
    name: "atcr_registry_manifest_pushes_total",
    help: "Manifests stored.",
    registers: [this.#registry],
  });
  readonly manifestPulls = new Counter({
    name: "atcr_registry_manifest_pulls_total",
    help: "Manifests served by GET.",
    registers: [this.#registry],
  });
  readonly tokens = new Counter({
    name: "atcr_auth_tokens_total",
    help: "Registry tokens asked for, by outcome.",
    labelNames: ["outcome"],
    registers: [this.#registry],
  });
  readonly notifications = new Counter({
    name: "atcr_hold_notifications_total",
    help: "Notifications of a push or pull sent to a hold.",
    labelNames: ["operation"],
    registers: [this.#registry],
  });
  readonly notificationErrors = new Counter({
    name: "atcr_hold_notifications_errors",
    help: "Notifications that a hold did not take.",
    labelNames: ["operation"],
    registers: [this.#registry],
  });
  readonly notificationDuration = new Histogram({
    name: "atcr_hold_notification_duration_ms",
    help: "Milliseconds until a hold answered a notification.",
    buckets: [1, 5, 20, 100, 500, 2000, 10000],
    registers: [this.#registry],
  });

  readonly #layerRecords = new Counter({
    name: "hold_layer_records_created_total",
    help: "Layer records written.",
    registers: [this.#registry],
  });
  readonly #posts = new Counter({
    name: "hold_bluesky_posts_created_total",
    help: "Bluesky posts written.",
    registers: [this.#registry],
  });
  readonly #received = new Counter({
    name: "hold_manifest_notifications_received_total",
    help: "Notifications of pushes and pulls that this hold was sent.",
    labelNames: ["operation"],
    registers: [this.#registry],
  });
  readonly #failed = new Counter({
    name: "hold_notification_errors_total",
    help: "Notifications that this hold refused or could not record.",
    labelNames: ["code"],
    registers: [this.#registry],
  });

  /** What the hold counts. */
  readonly hold = {
    notificationReceived: (operation: "push" | "pull") =>
      this.#received.inc({ operation }),
    notificationFailed: (code: string) => this.#failed.inc({ code }),
    layersCreated: (count: number) => this.#layerRecords.inc(count),
    postCreated: () => this.#posts.inc(),
  };

  /** The exposition text (Prometheus text format 0.0.4). */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Content type of {@linkcode text}. */
  get contentType(): string {
    return this.#registry.contentType;
  }
}
