/**
 * What happens when a stored object turns out to be gone or wrong: the blob is
 * hidden, so that clients push it again, and the operator is informed.
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

/** What was found in the store in place of a blob. */
export interface FoundDamage {
  readonly damage: Damage;
  /** Bytes that the blob should have. */
  readonly size: number;
  /** Bytes of the object; undefined when there is none. */
  readonly found?: number;
  /** Digest of the object, where it was read. */
  readonly actual?: Digest;
}

/** Hides damaged blobs, logs and counts them. */
export class DamageReporter {
  readonly #deps: DamageReporterDeps;

  constructor(deps: DamageReporterDeps) {
    this.#deps = deps;
  }

  /**
   * Hides a blob. `seen` is its row as it was before the object was looked at,
   * undefined when there was none. False when the blob changed meanwhile.
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
