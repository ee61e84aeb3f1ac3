/**
 * Scrub source for stored manifests.
 *
 * @module
 */

import { isAppError } from "../../errors.ts";
import type { Kv } from "../../kv/kv.ts";
import type { LargeValues } from "../../kv/large_value.ts";
import {
  type Digest,
  digestOf,
  digestParts,
  isDigest,
} from "../../oci/digest.ts";
import type {
  Pace,
  ScrubItem,
  ScrubOutcome,
  ScrubSource,
} from "../../scrub/source.ts";
import { registryKeys } from "../kv_keys.ts";

/** Every manifest whose bytes the registry stores. */
export class ContentScrub implements ScrubSource {
  readonly name = "manifests";
  readonly #kv: Kv;
  readonly #values: LargeValues;

  constructor(kv: Kv, values: LargeValues) {
    this.#kv = kv;
    this.#values = values;
  }

  randomId(): string {
    const bytes = crypto.getRandomValues(new Uint8Array(32));
    return `sha256:${bytes.toHex()}`;
  }

  async *items(after?: string): AsyncIterableIterator<ScrubItem> {
    const prefix = registryKeys.contents();
    const rows = this.#kv.list(
      after === undefined
        ? { prefix }
        : { prefix, start: [...prefix, `${after}\0`] },
    );
    for await (const { key } of rows) {
      const digest = key.at(-1);
      if (typeof digest !== "string" || !isDigest(digest)) continue;
      yield { id: digest, check: (pace) => this.#check(digest, pace) };
    }
  }

  /** Damaged bytes are deleted: the next request reads the manifest from its owner's repo. */
  async #check(digest: Digest, pace: Pace): Promise<ScrubOutcome> {
    const key = registryKeys.content(digest);
    let damage = "digest";
    try {
      const bytes = await this.#values.get(key);
      if (!bytes) return { result: "changed" };
      await pace(bytes.length);
      const { algorithm } = digestParts(digest);
      if (digestOf(bytes, algorithm) === digest) return { result: "right" };
    } catch (error) {
      if (!isAppError(error, "INTERNAL")) throw error;
      damage = "incomplete";
    }
    await this.#values.delete(key);
    return { result: "damaged", damage };
  }
}
