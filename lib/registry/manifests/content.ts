/**
 * The exact bytes of manifests, by digest: a small memory in front of KV.
 * Content never changes, so what is here once is right for good.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import type { Key } from "../../kv/kv.ts";
import type { LargeValues } from "../../kv/large_value.ts";
import type { Digest } from "../../oci/digest.ts";
import { registryKeys } from "../kv_keys.ts";

/** Bytes of manifests kept in memory. */
const MEMORY_BYTES = 16 * 1024 * 1024;

/** Stores and finds manifest bytes. */
export class ManifestContent {
  readonly #values: LargeValues;
  readonly #memory = new LRUCache<Digest, Uint8Array<ArrayBuffer>>({
    maxSize: MEMORY_BYTES,
    sizeCalculation: (bytes) => bytes.byteLength + 200,
  });

  constructor(values: LargeValues) {
    this.#values = values;
  }

  /** The bytes when they are in memory; asks nobody. */
  peek(digest: Digest): Uint8Array<ArrayBuffer> | undefined {
    return this.#memory.get(digest);
  }

  /** The bytes behind `digest`, or undefined when we do not have them. */
  async get(digest: Digest): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const known = this.#memory.get(digest);
    if (known) return known;
    const stored = await this.#values.get(registryKeys.content(digest));
    if (!stored) return undefined;
    const bytes = new Uint8Array(stored);
    this.#memory.set(digest, bytes);
    return bytes;
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
