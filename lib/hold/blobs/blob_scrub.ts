/**
 * Scrub source for the blobs of the hold.
 *
 * @module
 */

import { type Digest, digestParts } from "../../oci/digest.ts";
import { readObject } from "../../scrub/read_object.ts";
import type {
  Pace,
  ScrubItem,
  ScrubOutcome,
  ScrubSource,
} from "../../scrub/source.ts";
import type { BlobStore } from "../../storage/blob_store.ts";
import type { StorageKeys } from "../../storage/object_keys.ts";
import type { BlobRows } from "./blob_rows.ts";
import type { DamageReporter } from "./damage.ts";

export interface BlobScrubDeps {
  store: BlobStore;
  keys: StorageKeys;
  rows: BlobRows;
  damage: Pick<DamageReporter, "hide">;
}

/** Maximum reads of a blob that changes while it is read. */
const LOOKS = 3;

/** Every blob that is or may become readable. */
export class BlobScrub implements ScrubSource {
  readonly name = "blobs";
  readonly #deps: BlobScrubDeps;

  constructor(deps: BlobScrubDeps) {
    this.#deps = deps;
  }

  randomId(): string {
    const bytes = crypto.getRandomValues(new Uint8Array(32));
    return `sha256:${bytes.toHex()}`;
  }

  async *items(after?: string): AsyncIterableIterator<ScrubItem> {
    for await (const { digest, row } of this.#deps.rows.all(after)) {
      yield {
        id: digest,
        size: row.size,
        check: (pace) => this.#check(digest, pace),
      };
    }
  }

  async #check(digest: Digest, pace: Pace): Promise<ScrubOutcome> {
    for (let look = 0; look < LOOKS; look++) {
      const outcome = await this.#look(digest, pace);
      if (outcome) return outcome;
    }
    return { result: "changed" };
  }

  /** Undefined when the blob changed meanwhile. */
  async #look(digest: Digest, pace: Pace): Promise<ScrubOutcome | undefined> {
    const { store, keys, rows, damage } = this.#deps;
    const seen = await rows.find(digest);
    // Blobs being purged or removed by the operator are not served.
    if (!seen || seen.state === "purging" || seen.state === "removed") {
      return { result: "changed" };
    }
    const { algorithm, hex } = digestParts(digest);
    const found = await readObject(store, keys.blob(digest), algorithm, pace);
    if (found?.hash.toHex() === hex) {
      const wrong = seen.state === "damaged" ||
        (seen.state === "live" && seen.size !== found.size);
      if (!wrong) return { result: "right" };
      return await rows.heal(digest, seen, found.size)
        ? { result: "mended" }
        : undefined;
    }
    const { size } = seen;
    const kind = found === undefined
      ? "missing"
      : found.size === size
      ? "digest"
      : "size";
    const isHidden = seen.state === "damaged" ||
      await damage.hide(digest, seen, {
        damage: kind,
        size,
        ...(found
          ? {
            found: found.size,
            actual: `${algorithm}:${found.hash.toHex()}` as const,
          }
          : {}),
      });
    return isHidden ? { result: "damaged", damage: kind } : undefined;
  }
}
