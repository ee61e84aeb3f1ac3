/**
 * Prometheus metrics. One {@linkcode Metrics} per context, so that tests do not
 * share counters. Names follow the original ATCR where it has the metric.
 *
 * @module
 */

import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { CallSpans } from "./metrics/calls.ts";
import { HoldMetrics } from "./metrics/hold_metrics.ts";
import { SystemMetrics } from "./metrics/system_metrics.ts";

/** Every metric of the program. */
export class Metrics {
  readonly #registry = new Registry();
  /** Metrics of what the program stands on. */
  readonly system: SystemMetrics;
  /** Metrics of the hold. */
  readonly hold = new HoldMetrics(this.#registry);

  /** Creates all metrics; with `spans` calls to other systems are spans as well. */
  constructor(spans?: CallSpans) {
    this.system = new SystemMetrics(this.#registry, spans);
  }

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
  readonly manifestsDamaged = new Counter({
    name: "atcr_registry_manifests_damaged_total",
    help: "Stored manifests that did not have their digest and were forgotten.",
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

  readonly #indexIgnored = new Counter({
    name: "atcr_index_changes_ignored_total",
    help: "Records of the network that were not taken into the index, by " +
      "collection and reason.",
    labelNames: ["collection", "reason"],
    registers: [this.#registry],
  });
  readonly #indexRows = new Counter({
    name: "atcr_index_rows_read_total",
    help: "Rows read to answer questions about the index, by question.",
    labelNames: ["query"],
    registers: [this.#registry],
  });

  /** What the index counts. */
  readonly index = {
    ignored: (collection: string, reason: string) =>
      this.#indexIgnored.inc({ collection, reason }),
    rowsRead: (query: string, rows: number) =>
      this.#indexRows.inc({ query }, rows),
  };

  readonly #avatarRequests = new Counter({
    name: "atcr_avatar_requests_total",
    help: "Requests for pictures, by outcome: hit, stale, miss, absent, " +
      "refused or failed.",
    labelNames: ["outcome"],
    registers: [this.#registry],
  });
  readonly #avatarUpstream = new Counter({
    name: "atcr_avatar_upstream_failures_total",
    help: "Times a PDS or a directory could not be asked for a picture.",
    registers: [this.#registry],
  });
  readonly #avatarDuration = new Histogram({
    name: "atcr_avatar_variant_duration_seconds",
    help: "Time to fetch, make and store a variant of a picture.",
    buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10],
    registers: [this.#registry],
  });
  readonly #avatarDamaged = new Counter({
    name: "atcr_avatar_objects_damaged_total",
    help: "Stored pictures that were not what they should be and were " +
      "removed, by what was wrong: size, digest or headers.",
    labelNames: ["damage"],
    registers: [this.#registry],
  });
  readonly #avatarEvents = new Counter({
    name: "atcr_avatar_network_events_total",
    help: "Events of the network taken, by kind.",
    labelNames: ["kind"],
    registers: [this.#registry],
  });

  readonly #streamConnected = new Gauge({
    name: "atcr_network_stream_connected",
    help: "1 while this instance follows an event stream of the network.",
    labelNames: ["stream"],
    registers: [this.#registry],
  });
  readonly #streamPlace = new Gauge({
    name: "atcr_network_stream_place_seconds",
    help: "Time of the latest event processed of a stream, in seconds since " +
      "the Unix epoch.",
    labelNames: ["stream"],
    registers: [this.#registry],
  });
  readonly #streamFailures = new Counter({
    name: "atcr_network_stream_failures_total",
    help: "Failures of a stream's servers.",
    labelNames: ["stream"],
    registers: [this.#registry],
  });

  readonly #indexEvents = new Counter({
    name: "atcr_index_events_total",
    help: "Events processed by the index, by kind.",
    labelNames: ["kind"],
    registers: [this.#registry],
  });
  readonly #indexChanges = new Counter({
    name: "atcr_index_changes_total",
    help: "Record changes received from the network, by outcome: " +
      "applied, known, invalid, too_many, too_fast or failed.",
    labelNames: ["outcome"],
    registers: [this.#registry],
  });
  readonly #indexListings = new Counter({
    name: "atcr_index_listings_total",
    help: "Repos listed by the index, by outcome: listed, hidden or failed.",
    labelNames: ["outcome"],
    registers: [this.#registry],
  });

  /** Metrics of the index that follows the network. */
  readonly network = {
    eventsTaken: (counts: Readonly<Record<string, number>>) => {
      for (const [kind, count] of Object.entries(counts)) {
        if (count > 0) this.#indexEvents.inc({ kind }, count);
      }
    },
    change: (outcome: string) => this.#indexChanges.inc({ outcome }),
    listed: (outcome: string) => this.#indexListings.inc({ outcome }),
  };

  /** Metrics of event streams. */
  readonly streams = {
    streamConnected: (stream: string, connected: boolean) =>
      this.#streamConnected.set({ stream }, connected ? 1 : 0),
    streamPlace: (stream: string, at: number) =>
      this.#streamPlace.set({ stream }, at / 1000),
    streamFailed: (stream: string) => this.#streamFailures.inc({ stream }),
  };

  /** Metrics of avatars. */
  readonly avatars = {
    pictureAnswered: (outcome: string) => this.#avatarRequests.inc({ outcome }),
    upstreamFailed: () => this.#avatarUpstream.inc(),
    pictureDamaged: (damage: string) => this.#avatarDamaged.inc({ damage }),
    variantMade: (ms: number) => this.#avatarDuration.observe(ms / 1000),
    networkEvents: (counts: object) => {
      for (const [kind, count] of Object.entries(counts)) {
        this.#avatarEvents.inc({ kind }, count);
      }
    },
  };

  readonly holdChecks = new Counter({
    name: "atcr_hold_checks_total",
    help: "Looks at holds, by outcome: reachable or unreachable.",
    labelNames: ["outcome"],
    registers: [this.#registry],
  });

  readonly #webhookDeliveries = new Counter({
    name: "atcr_webhook_deliveries_total",
    help: "Attempts to call webhooks, by outcome: delivered, retried, failed " +
      "(given up) or dropped (not made).",
    labelNames: ["outcome"],
    registers: [this.#registry],
  });

  /** What webhooks count. */
  readonly webhooks = {
    webhookDelivery: (outcome: string) =>
      this.#webhookDeliveries.inc({ outcome }),
  };

  /** Exports the constant 1 with `labels` that describe what runs. */
  info(
    name: string,
    help: string,
    labels: Readonly<Record<string, string>>,
  ): void {
    const labelNames = Object.keys(labels);
    new Gauge({ name, help, labelNames, registers: [this.#registry] })
      .set({ ...labels }, 1);
  }

  /** Exports numbers that are read on each scrape. */
  watch(
    kind: "counter" | "gauge",
    name: string,
    help: string,
    read: () => number | Promise<number>,
  ): void {
    const Kind = kind === "gauge" ? Gauge : Counter;
    new Kind({
      name,
      help,
      registers: [this.#registry],
      async collect() {
        const value = await read();
        this.reset();
        this.inc(value);
      },
    });
  }

  /** The exposition text (Prometheus text format 0.0.4). */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Content type of {@linkcode text}. */
  get contentType(): string {
    return this.#registry.contentType;
  }
}
