/**
 * Removal of blobs that nothing needs any more: mark by layer records and
 * manifests, quarantine, and only later removal.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import type { Digest } from "../oci/digest.ts";
import type { BlobStore } from "../storage/blob_store.ts";
import type { StorageKeys } from "../storage/keys.ts";
import type { BlobRow, BlobRows } from "./blob_rows.ts";
import type { LayerIndex, ManifestRow } from "./layer_index.ts";
import type { LayerRecords } from "./layer_records.ts";
import { mendLayerIndex } from "./layer_mend.ts";
import type { HoldRecords } from "./records.ts";

/** Who knows which blobs are needed, besides the layer records. */
export interface ManifestSource {
  /**
   * Blobs that the manifest with this AT-URI refers to; null when its owner's
   * repo says that it is gone, undefined when nobody could be asked.
   */
  blobsOf(uri: string): Promise<readonly Digest[] | null | undefined>;
  /** Whether a blob that no known manifest refers to is needed all the same. */
  isNeeded(digest: Digest): Promise<boolean>;
}

/** What is to happen to one blob, or to the layer records of one manifest. */
export interface GcFinding {
  /** A digest, or the AT-URI of a manifest. */
  readonly subject: string;
  /** Bytes; 0 for a manifest. */
  readonly size: number;
  /**
   * `keep`; `release` the records of a manifest that is gone; `quarantine` an
   * unneeded blob; `restore` one that is needed again; `purge` for good.
   */
  readonly verdict: "keep" | "release" | "quarantine" | "restore" | "purge";
  /** Why, as a sentence. */
  readonly reason: string;
}

/** How many findings of each kind there were, and bytes purged. */
export type GcReport =
  & Record<GcFinding["verdict"], number>
  & { purgedBytes: number };

/** What {@linkcode HoldGc} needs. */
export interface HoldGcDeps {
  store: BlobStore;
  keys: StorageKeys;
  records: HoldRecords;
  rows: BlobRows;
  layers: LayerIndex;
  layerRecords: LayerRecords;
  source: ManifestSource;
  clock: Clock;
  log: Logger;
  /** Younger blobs and manifests stay, in milliseconds; a push takes a while. */
  graceMs: number;
  /** How long a blob stays in quarantine, in milliseconds; a week by default. */
  quarantineMs?: number;
}

const WEEK_MS = 7 * 24 * 3_600_000;

/** Quarantined with this reason, a blob comes back by itself when it is needed. */
const UNNEEDED = "No manifest refers to it.";

/** Manifests asked for at once. */
const PARALLEL = 4;

/** Collects garbage. One run at a time: the caller holds a lease. */
export class HoldGc {
  readonly #deps: HoldGcDeps;

  constructor(deps: HoldGcDeps) {
    this.#deps = deps;
  }

  /** What a run would do now, blob by blob; changes nothing but the index. */
  preview(signal?: AbortSignal): AsyncIterableIterator<GcFinding> {
    return this.#findings(true, signal);
  }

  /** Collects once. What fails is logged and left for the next run. */
  async run(signal?: AbortSignal): Promise<GcReport> {
    const report: GcReport = {
      keep: 0,
      release: 0,
      quarantine: 0,
      restore: 0,
      purge: 0,
      purgedBytes: 0,
    };
    for await (const finding of this.#findings(false, signal)) {
      report[finding.verdict]++;
      if (finding.verdict === "purge") report.purgedBytes += finding.size;
      if (finding.verdict !== "keep") {
        this.#deps.log.info("garbage collection", { ...finding });
      }
    }
    return report;
  }

  async *#findings(
    dry: boolean,
    signal?: AbortSignal,
  ): AsyncIterableIterator<GcFinding> {
    await mendLayerIndex(this.#deps, signal);
    yield* this.#manifests(dry, signal);
    for await (const { digest, row } of this.#deps.rows.all()) {
      signal?.throwIfAborted();
      const finding = { subject: digest, size: row.size };
      try {
        const verdict = await this.#judge(digest, row);
        if (dry || await this.#carryOut(digest, verdict)) {
          yield { ...finding, ...verdict };
        }
      } catch (error) {
        this.#deps.log.warn("blob not collected", { digest, error });
      }
    }
  }

  /** Manifests whose owners deleted them, once that was seen for long enough. */
  async *#manifests(
    dry: boolean,
    signal?: AbortSignal,
  ): AsyncIterableIterator<GcFinding> {
    let batch: { uri: string; row: ManifestRow }[] = [];
    const judged = async () => {
      const findings = await Promise.all(
        batch.map(({ uri, row }) => this.#manifest(uri, row, dry)),
      );
      batch = [];
      return findings.filter((finding) => finding !== undefined);
    };
    for await (const manifest of this.#deps.layers.manifests()) {
      signal?.throwIfAborted();
      batch.push(manifest);
      if (batch.length === PARALLEL) yield* await judged();
    }
    yield* await judged();
  }

  async #manifest(
    uri: string,
    row: ManifestRow,
    dry: boolean,
  ): Promise<GcFinding | undefined> {
    const { source, layers, layerRecords, clock, graceMs, log } = this.#deps;
    const now = clock.now();
    try {
      if (now - row.pushedAt < graceMs) return undefined;
      const blobs = await source.blobsOf(uri);
      if (blobs === undefined) return undefined;
      if (blobs !== null) {
        if (!dry) await layers.keep(uri, row, blobs);
        return undefined;
      }
      if (row.goneSince === undefined || now - row.goneSince < graceMs) {
        const goneSince = row.goneSince ?? now;
        if (!dry) await layers.putManifest(uri, { ...row, goneSince });
        return undefined;
      }
      if (!dry) await layerRecords.removeManifest(uri);
      return {
        subject: uri,
        size: 0,
        verdict: "release",
        reason: "Its owner deleted the manifest.",
      };
    } catch (error) {
      log.warn("manifest not checked", { uri, error });
      return undefined;
    }
  }

  async #judge(
    digest: Digest,
    row: BlobRow,
  ): Promise<Pick<GcFinding, "verdict" | "reason">> {
    const { clock, graceMs, quarantineMs = WEEK_MS } = this.#deps;
    const age = clock.now() - row.since;
    if (row.state === "purging") {
      return { verdict: "purge", reason: "Its removal was interrupted." };
    }
    const need = await this.#need(digest);
    if (row.state === "quarantined") {
      if (need && row.reason === UNNEEDED) {
        return { verdict: "restore", reason: need };
      }
      const reason = row.reason ?? UNNEEDED;
      return age < quarantineMs
        ? { verdict: "keep", reason: `In quarantine: ${reason}` }
        : { verdict: "purge", reason };
    }
    if (need) return { verdict: "keep", reason: need };
    return age < graceMs
      ? { verdict: "keep", reason: "It came in too recently to judge." }
      : { verdict: "quarantine", reason: UNNEEDED };
  }

  /** Why a blob is needed; undefined when it is not. */
  async #need(digest: Digest): Promise<string | undefined> {
    const { layers, source } = this.#deps;
    const uri = await layers.user(digest);
    if (uri !== undefined) return `The manifest ${uri} refers to it.`;
    return await source.isNeeded(digest)
      ? "A repository refers to it."
      : undefined;
  }

  /** False when somebody else changed the blob meanwhile. */
  async #carryOut(
    digest: Digest,
    { verdict, reason }: Pick<GcFinding, "verdict" | "reason">,
  ): Promise<boolean> {
    const { rows, store, keys, quarantineMs = WEEK_MS } = this.#deps;
    if (verdict === "quarantine") {
      if (!await rows.quarantine(digest, reason)) return false;
      // A push may have come between the judgement and now.
      if (!await this.#need(digest)) return true;
      await rows.restore(digest);
      return false;
    }
    if (verdict === "restore") return await rows.restore(digest);
    if (verdict === "purge") {
      return await rows.purge(
        digest,
        quarantineMs,
        () => store.delete(keys.blob(digest)),
      );
    }
    return true;
  }
}
