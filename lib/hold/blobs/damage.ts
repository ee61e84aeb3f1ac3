/**
 * Handles missing and damaged objects: hides the blob, so that clients push it
 * again, and informs the operator.
 *
 * @module
 */

import type { Logger } from "../../log.ts";
import type { Digest } from "../../oci/digest.ts";
import type { BlobRow, Damage } from "./blob_row.ts";
import type { BlobRows } from "./blob_rows.ts";

export interface DamageReporterDeps {
  rows: BlobRows;
  log: Logger;
  metrics: { blobDamaged(damage: Damage): void };
}

/** What was found in the store instead of the blob. */
export interface FoundDamage {
  readonly damage: Damage;
  /** Expected size in bytes. */
  readonly size: number;
  /** Actual size in bytes; undefined when there is no object. */
  readonly found?: number;
  /** Digest of the object, if it was read. */
  readonly actual?: Digest;
}

/** Hides damaged blobs, logs and counts them. */
export class DamageReporter {
  readonly #deps: DamageReporterDeps;

  constructor(deps: DamageReporterDeps) {
    this.#deps = deps;
  }

  /**
   * Hides a blob. `seen` is its row as it was before the object was read,
   * undefined when there was none. Returns false when the blob changed
   * meanwhile.
   */
  async hide(
    digest: Digest,
    seen: BlobRow | undefined,
    what: FoundDamage,
  ): Promise<boolean> {
    const { rows, log, metrics } = this.#deps;
    const { size, damage } = what;
    if (!await rows.damage(digest, seen, size, damage)) return false;
    metrics.blobDamaged(damage);
    log.error("stored blob is damaged and hidden until it is pushed again", {
      digest,
      ...what,
    });
    return true;
  }
}
