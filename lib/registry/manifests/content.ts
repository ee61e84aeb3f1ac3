/**
 * The exact bytes of manifests, by digest: a small memory in front of KV.
 * Content never changes, so what is in memory once is right for good; what comes
 * out of the store is compared with its digest.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import { isAppError } from "../../errors.ts";
import type { Key } from "../../kv/kv.ts";
import type { LargeValues } from "../../kv/large_value.ts";
import { type Logger, silentLogger } from "../../log.ts";
import { type Digest, digestOf, digestParts } from "../../oci/digest.ts";
import { registryKeys } from "../kv_keys.ts";

/** Bytes of manifests kept in memory. */
const MEMORY_BYTES = 16 * 1024 * 1024;

/** Who learns of stored bytes that are wrong. */
export interface ContentWatch {
  readonly log: Logger;
  /** Counts one. */
  damaged(): void;
}

const UNWATCHED: ContentWatch = { log: silentLogger, damaged() {} };

/** Stores and finds manifest bytes. */
export class ManifestContent {
  readonly #values: LargeValues;
  readonly #watch: ContentWatch;
  readonly #memory = new LRUCache<Digest, Uint8Array<ArrayBuffer>>({
    maxSize: MEMORY_BYTES,
    sizeCalculation: (bytes) => bytes.byteLength + 200,
  });

  /** @param watch nobody by default. */
  constructor(values: LargeValues, watch: ContentWatch = UNWATCHED) {
    this.#values = values;
    this.#watch = watch;
  }

  /** The bytes when they are in memory; asks nobody. */
  peek(digest: Digest): Uint8Array<ArrayBuffer> | undefined {
    return this.#memory.get(digest);
  }

  /**
   * The bytes behind `digest`, or undefined when we do not have them. Stored
   * bytes that are not what the digest promises are forgotten, so that they are
   * read from the owner's repo again.
   */
  async get(digest: Digest): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const known = this.#memory.get(digest);
    if (known) return known;
    const stored = await this.#stored(digest);
    if (!stored) return undefined;
    const bytes = new Uint8Array(stored);
    this.#memory.set(digest, bytes);
    return bytes;
  }

  async #stored(digest: Digest): Promise<Uint8Array | undefined> {
    const key = registryKeys.content(digest);
    let cause: unknown;
    try {
      const bytes = await this.#values.get(key);
      if (!bytes) return undefined;
      if (digestOf(bytes, digestParts(digest).algorithm) === digest) {
        return bytes;
      }
    } catch (error) {
      // Chunks are missing.
      if (!isAppError(error, "INTERNAL")) throw error;
      cause = error;
    }
    this.#watch.log.error("stored manifest is damaged and forgotten", {
      digest,
      ...(cause === undefined ? {} : { cause }),
    });
    this.#watch.damaged();
    await this.#values.delete(key);
    return undefined;
  }

  /**
   * The row that keeps `bytes`, which the caller has verified to have `digest`,
   * for a commit of the caller's; undefined when {@linkcode put} has to do it.
   */
  row(
    digest: Digest,
    bytes: Uint8Array<ArrayBuffer>,
  ): { key: Key; row: unknown } | undefined {
    const row = this.#memory.has(digest) ? undefined : this.#values.row(bytes);
    return row === undefined
      ? undefined
      : { key: registryKeys.content(digest), row };
  }

  /** Keeps `bytes`, which the caller has verified to have `digest`. */
  async put(digest: Digest, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (this.#memory.has(digest)) return;
    await this.#values.set(registryKeys.content(digest), bytes);
    this.remember(digest, bytes);
  }

  /** Has bytes that are kept at hand. */
  remember(digest: Digest, bytes: Uint8Array<ArrayBuffer>): void {
    this.#memory.set(digest, bytes);
  }
}
