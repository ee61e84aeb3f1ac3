/**
 * Garbage collection of unreferenced blobs: mark by layer records and
 * manifests, quarantine, purge later. While the repo of an account that may
 * push cannot be read, blobs that it uploaded or may need count as referenced.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import { type Clock, isAhead } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import type { Digest } from "../../oci/digest.ts";
import type { BlobStore } from "../../storage/blob_store.ts";
import type { StorageKeys } from "../../storage/object_keys.ts";
import type { BlobRow } from "../blobs/blob_row.ts";
import type { BlobRows } from "../blobs/blob_rows.ts";
import type { BlobUploaders } from "../blobs/uploaders.ts";
import { type LayerIndex } from "../layers/layer_index.ts";
import { repairLayerIndex } from "../layers/layer_repair.ts";
import type { Census, ManifestCensus } from "./manifest_census.ts";
import type { HoldRecords } from "../records.ts";

/** Decision on one blob, or on the layer records of one manifest. */
export interface GcFinding {
  /** A digest, or the AT-URI of a manifest. */
  readonly subject: string;
  /** Bytes; 0 for a manifest. */
  readonly size: number;
  /**
   * `keep`; `release` the records of a deleted manifest; `quarantine` an
   * unreferenced blob; `restore` one that is referenced again; `purge`
   * permanently.
   */
  readonly verdict: "keep" | "release" | "quarantine" | "restore" | "purge";
  /** Why, as a sentence. */
  readonly reason: string;
}

/** Number of findings of each kind, and bytes purged. */
export type GcReport =
  & Record<GcFinding["verdict"], number>
  & {
    purgedBytes: number;
    /** Accounts whose repos could not be read, or not all of their manifests. */
    unread: number;
  };

export interface HoldGcDeps {
  store: BlobStore;
  keys: StorageKeys;
  records: HoldRecords;
  rows: BlobRows;
  uploaders: BlobUploaders;
  layers: LayerIndex;
  /** Charges of accounts without a manifest that needs the blob. */
  charges: {
    settle(
      graceMs: number,
      absent: ReadonlySet<Did>,
      signal?: AbortSignal,
    ): Promise<number>;
  };
  census: ManifestCensus;
  clock: Clock;
  log: Logger;
  /** Younger blobs and manifests are kept, in milliseconds, because a push takes a while. */
  graceMs: number;
  /** How long a blob stays in quarantine, in milliseconds; a week by default. */
  quarantineMs?: number;
}

const WEEK_MS = 7 * 24 * 3_600_000;

/** A blob quarantined with this reason is restored when it is referenced. */
const UNNEEDED = "No manifest refers to it.";

/** Collects garbage. The caller must hold a lease, so that only one run is active. */
export class HoldGc {
  readonly #deps: HoldGcDeps;

  constructor(deps: HoldGcDeps) {
    this.#deps = deps;
  }

  /** Reports what a run would do now, blob by blob; changes only the index. */
  preview(signal?: AbortSignal): AsyncIterableIterator<GcFinding> {
    return this.#findings(true, signal);
  }

  /**
   * Runs once. Failures are logged and left for the next run. `progress` is
   * called with the number of blobs and manifests decided on so far.
   */
  async run(
    signal?: AbortSignal,
    progress?: (decided: number) => void,
  ): Promise<GcReport> {
    const report: GcReport = {
      keep: 0,
      release: 0,
      quarantine: 0,
      restore: 0,
      purge: 0,
      purgedBytes: 0,
      unread: 0,
    };
    const count = ({ unread }: Census) => report.unread = unread.size;
    let decided = 0;
    for await (const finding of this.#findings(false, signal, count)) {
      progress?.(++decided);
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
    taken?: (census: Census) => void,
  ): AsyncIterableIterator<GcFinding> {
    await repairLayerIndex(this.#deps, signal);
    const census = await this.#deps.census.take(dry, signal);
    taken?.(census);
    for (const subject of census.released) {
      const reason = "Its owner deleted the manifest.";
      yield { subject, size: 0, verdict: "release", reason };
    }
    for await (const { digest, row: listed } of this.#deps.rows.all()) {
      signal?.throwIfAborted();
      const row = dry ? listed : await this.#settled(digest, listed);
      const finding = { subject: digest, size: row.size };
      try {
        const verdict = await this.#judge(digest, row, census);
        if (dry || await this.#carryOut(digest, verdict)) {
          yield { ...finding, ...verdict };
        }
      } catch (error) {
        this.#deps.log.warn("blob not collected", { digest, error });
      }
    }
    const { charges, graceMs } = this.#deps;
    if (!dry) await charges.settle(graceMs, census.unread, signal);
  }

  /**
   * Returns the row; if its state began in the future because the clock was set
   * back, reading it alone restarts the state now.
   */
  async #settled(digest: Digest, row: BlobRow): Promise<BlobRow> {
    if (!isAhead(row.since, this.#deps.clock.now())) return row;
    return await this.#deps.rows.find(digest) ?? row;
  }

  async #judge(
    digest: Digest,
    row: BlobRow,
    { unrecorded, unread }: Census,
  ): Promise<Pick<GcFinding, "verdict" | "reason">> {
    const { clock, graceMs, quarantineMs = WEEK_MS } = this.#deps;
    const age = clock.now() - row.since;
    if (row.state === "purging") {
      return { verdict: "purge", reason: "Its removal was interrupted." };
    }
    if (row.state === "removed") {
      const reason = row.reason ?? "";
      return row.bytes === "gone" || age < quarantineMs
        ? { verdict: "keep", reason }
        : { verdict: "purge", reason };
    }
    const need = await this.#need(digest) ??
      (unrecorded.has(digest) ? "A manifest refers to it." : undefined);
    const absent = need === undefined
      ? await this.#deps.uploaders.anyOf(digest, unread)
      : undefined;
    if (row.state === "damaged") {
      const keep = need !== undefined || absent !== undefined ||
        age < quarantineMs;
      const reason = `${row.reason ?? ""} ${need ?? UNNEEDED}`.trimStart();
      return { verdict: keep ? "keep" : "purge", reason };
    }
    if (row.state === "quarantined") {
      if (need && row.reason === UNNEEDED) {
        return { verdict: "restore", reason: need };
      }
      const reason = row.reason ?? UNNEEDED;
      return age < quarantineMs ||
          (reason === UNNEEDED && absent !== undefined)
        ? { verdict: "keep", reason: `In quarantine: ${reason}` }
        : { verdict: "purge", reason };
    }
    if (need) return { verdict: "keep", reason: need };
    if (absent !== undefined) {
      const reason = `The repo of ${absent} could not be read and may need it.`;
      return { verdict: "keep", reason };
    }
    return age < graceMs
      ? { verdict: "keep", reason: "It came in too recently to judge." }
      : { verdict: "quarantine", reason: UNNEEDED };
  }

  /** Returns why a blob is referenced, or undefined when it is not. */
  async #need(digest: Digest): Promise<string | undefined> {
    const uri = await this.#deps.layers.user(digest);
    return uri === undefined ? undefined : `The manifest ${uri} refers to it.`;
  }

  /** Returns false when the blob changed meanwhile. */
  async #carryOut(
    digest: Digest,
    { verdict, reason }: Pick<GcFinding, "verdict" | "reason">,
  ): Promise<boolean> {
    const { rows, uploaders, store, keys, quarantineMs = WEEK_MS } = this.#deps;
    if (verdict === "quarantine") {
      if (!await rows.quarantine(digest, reason)) return false;
      // A push may have arrived since the decision.
      if (!await this.#need(digest)) return true;
      await rows.restore(digest);
      return false;
    }
    if (verdict === "restore") return await rows.restore(digest);
    if (verdict === "purge") {
      const purged = await rows.purge(
        digest,
        quarantineMs,
        () => store.delete(keys.blob(digest)),
      );
      if (purged) await uploaders.forget(digest);
      return purged;
    }
    return true;
  }
}
