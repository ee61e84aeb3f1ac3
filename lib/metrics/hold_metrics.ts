/**
 * Metrics of the hold. Names follow the original where it has the metric, and
 * other PDSes where they have it (`pds_…`).
 *
 * @module
 */

import { Counter, Gauge, type Registry } from "prom-client";

/** What the hold counts. */
export class HoldMetrics {
  readonly #layerRecords: Counter;
  readonly #layersMissing: Counter;
  readonly #posts: Counter;
  readonly #handlesMissing: Counter;
  readonly #received: Counter<"operation">;
  readonly #failed: Counter<"code">;
  readonly #damagedBlobs: Counter<"damage">;
  readonly #repoWrites: Counter<"op">;
  readonly #repoErrors: Counter;
  readonly #collected: Counter<"finding">;
  readonly #stored: Gauge<"unit">;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#layerRecords = new Counter({
      name: "hold_layer_records_created_total",
      help: "Layer records written.",
      registers,
    });
    this.#layersMissing = new Counter({
      name: "hold_layers_missing_total",
      help: "Layers of pushed manifests that were not here, and of which " +
        "nothing could be recorded.",
      registers,
    });
    this.#posts = new Counter({
      name: "hold_bluesky_posts_created_total",
      help: "Bluesky posts written.",
      registers,
    });
    this.#handlesMissing = new Counter({
      name: "hold_handles_missing_total",
      help: "Accounts whose handle could not be found when it was needed.",
      registers,
    });
    this.#received = new Counter({
      name: "hold_manifest_notifications_received_total",
      help: "Notifications of pushes and pulls that this hold was sent.",
      labelNames: ["operation"],
      registers,
    });
    this.#failed = new Counter({
      name: "hold_notification_errors_total",
      help: "Notifications that this hold refused or could not record.",
      labelNames: ["code"],
      registers,
    });
    this.#damagedBlobs = new Counter({
      name: "hold_blobs_damaged_total",
      help: "Stored blobs found gone or wrong and hidden, by kind of damage: " +
        "missing, size or digest.",
      labelNames: ["damage"],
      registers,
    });
    this.#repoWrites = new Counter({
      name: "pds_repo_writes_total",
      help: "Records written to the hold's repo, by operation.",
      labelNames: ["op"],
      registers,
    });
    this.#repoErrors = new Counter({
      name: "hold_repo_errors_total",
      help: "Commits to the hold's repo that failed by a fault of the server.",
      registers,
    });
    this.#collected = new Counter({
      name: "hold_gc_items_total",
      help: "What garbage collections have done, by finding.",
      labelNames: ["finding"],
      registers,
    });
    this.#stored = new Gauge({
      name: "hold_stored",
      help: "What the hold stores, as counted once a day: blobs and bytes.",
      labelNames: ["unit"],
      registers,
    });
  }

  notificationReceived(operation: "push" | "pull"): void {
    this.#received.inc({ operation });
  }

  notificationFailed(code: string): void {
    this.#failed.inc({ code });
  }

  layersCreated(count: number): void {
    this.#layerRecords.inc(count);
  }

  layersMissing(count: number): void {
    this.#layersMissing.inc(count);
  }

  postCreated(): void {
    this.#posts.inc();
  }

  handleMissing(): void {
    this.#handlesMissing.inc();
  }

  blobDamaged(damage: string): void {
    this.#damagedBlobs.inc({ damage });
  }

  /** Records were written to the repo. */
  written(op: string, count: number): void {
    this.#repoWrites.inc({ op }, count);
  }

  /** A commit to the repo failed. */
  failed(): void {
    this.#repoErrors.inc();
  }

  /** A garbage collection ended; `report` has a number for each finding. */
  collected(report: Readonly<Record<string, unknown>>): void {
    for (const [finding, count] of Object.entries(report)) {
      if (typeof count === "number") this.#collected.inc({ finding }, count);
    }
  }

  /** What is stored was counted. */
  stored({ blobs, bytes }: { blobs: number; bytes: number }): void {
    this.#stored.set({ unit: "blobs" }, blobs);
    this.#stored.set({ unit: "bytes" }, bytes);
  }
}
