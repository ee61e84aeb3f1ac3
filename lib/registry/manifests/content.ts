/**
 * The exact bytes of manifests, by digest: KV with a small in-memory cache.
 * Content never changes, so cache entries never become stale; stored bytes are
 * verified against their digest. Content pushed here is kept; content read from
 * an owner's PDS can be read again and is evicted beyond a limit.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import type { Did } from "../../did.ts";
import type { Clock } from "../../clock.ts";
import { isAppError } from "../../errors.ts";
import type { Key, Kv } from "../../kv/kv.ts";
import type { LargeValues } from "../../kv/large_value.ts";
import type { Logger } from "../../log.ts";
import { type Digest, digestOf, digestParts } from "../../oci/digest.ts";
import { registryKeys } from "../kv_keys.ts";

export interface ManifestContentDeps {
  kv: Kv;
  clock: Clock;
  values: LargeValues;
  /** Maximum bytes of manifests that were not pushed here. */
  maxCachedBytes: number;
  watch: ContentWatch;
}

/** Content that was not pushed here. */
interface CachedRow {
  /** The owner whose repo it was first read from. */
  did: Did;
  /** Bytes. */
  size: number;
  /** When it was read, in milliseconds since the Unix epoch. */
  at: number;
}

interface Remembered {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether it is known to be stored permanently. */
  readonly isKept: boolean;
}

interface Candidate extends CachedRow {
  readonly digest: Digest;
  readonly versionstamp: string;
}

/** Size of the in-memory cache in bytes. */
const MEMORY_BYTES = 16 * 1024 * 1024;

/** Overhead of a small manifest in the store, in bytes. */
const ROW_BYTES = 1_024;

/** Share of the cached bytes that one owner may use. */
const OWNER_SHARE = 0.25;

/** Receives reports of damaged content. */
export interface ContentWatch {
  readonly log: Logger;
  /** Counts one. */
  damaged(): void;
}

/** Stores and finds manifest bytes. */
export class ManifestContent {
  readonly #deps: ManifestContentDeps;
  readonly #memory = new LRUCache<Digest, Remembered>({
    maxSize: MEMORY_BYTES,
    sizeCalculation: ({ bytes }) => bytes.byteLength + 200,
  });

  constructor(deps: ManifestContentDeps) {
    this.#deps = deps;
  }

  /** Returns the bytes if they are in memory; synchronous. */
  peek(digest: Digest): Uint8Array<ArrayBuffer> | undefined {
    return this.#memory.get(digest)?.bytes;
  }

  /**
   * Returns the bytes of `digest`, or undefined when they are not stored.
   * Stored bytes that do not match the digest are deleted, so that they are
   * read from the owner's repo again.
   */
  async get(digest: Digest): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const known = this.peek(digest);
    if (known) return known;
    const stored = await this.#stored(digest);
    if (!stored) return undefined;
    const bytes = new Uint8Array(stored);
    this.#memory.set(digest, { bytes, isKept: false });
    return bytes;
  }

  async #stored(digest: Digest): Promise<Uint8Array | undefined> {
    const key = registryKeys.content(digest);
    let cause: unknown;
    try {
      const bytes = await this.#deps.values.get(key);
      if (!bytes) return undefined;
      if (digestOf(bytes, digestParts(digest).algorithm) === digest) {
        return bytes;
      }
    } catch (error) {
      // Chunks are missing.
      if (!isAppError(error, "INTERNAL")) throw error;
      cause = error;
    }
    this.#deps.watch.log.error("stored manifest is damaged and forgotten", {
      digest,
      ...(cause === undefined ? {} : { cause }),
    });
    this.#deps.watch.damaged();
    await this.#deps.values.delete(key);
    return undefined;
  }

  /**
   * Returns the row that stores `bytes`, which the caller has verified against
   * `digest`, for the caller's own commit; undefined when {@linkcode put} is
   * needed.
   */
  row(
    digest: Digest,
    bytes: Uint8Array<ArrayBuffer>,
  ): { key: Key; row: unknown } | undefined {
    const isKept = this.#memory.get(digest)?.isKept === true;
    const row = isKept ? undefined : this.#deps.values.row(bytes);
    return row === undefined
      ? undefined
      : { key: registryKeys.content(digest), row };
  }

  /** Stores `bytes` permanently; the caller has verified them against `digest`. */
  async put(digest: Digest, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (this.#memory.get(digest)?.isKept) return;
    const { kv, values } = this.#deps;
    // First, so that it is not evicted as cached content.
    await kv.delete(registryKeys.cachedContent(digest));
    await values.set(registryKeys.content(digest), bytes);
    this.remember(digest, bytes);
  }

  /** Caches verified `bytes` read from the repo of `did`, as long as there is room. */
  async cache(
    digest: Digest,
    bytes: Uint8Array<ArrayBuffer>,
    did: Did,
  ): Promise<void> {
    if (this.#memory.has(digest)) return;
    const { kv, clock, values } = this.#deps;
    const key = registryKeys.content(digest);
    const row: CachedRow = { did, size: bytes.byteLength, at: clock.now() };
    const isNew = await kv.atomic().check(key, null)
      .set(registryKeys.cachedContent(digest), row).commit();
    if (isNew) await values.set(key, bytes);
    this.#memory.set(digest, { bytes, isKept: false });
  }

  /** Adds permanently stored bytes to the in-memory cache. */
  remember(digest: Digest, bytes: Uint8Array<ArrayBuffer>): void {
    this.#memory.set(digest, { bytes, isKept: true });
  }

  /**
   * Evicts the oldest cached content while the total or an owner's share is
   * exceeded; returns how many manifests.
   */
  async evict(): Promise<number> {
    const { kv, values, maxCachedBytes } = this.#deps;
    const all: Candidate[] = [];
    const owners = new Map<Did, number>();
    let total = 0;
    const prefix = registryKeys.allCachedContent();
    for await (const entry of kv.list<CachedRow>({ prefix })) {
      const { value, versionstamp } = entry;
      all.push({ ...value, digest: entry.key.at(-1) as Digest, versionstamp });
      const bytes = value.size + ROW_BYTES;
      owners.set(value.did, (owners.get(value.did) ?? 0) + bytes);
      total += bytes;
    }
    let evicted = 0;
    for (const one of all.sort((a, b) => a.at - b.at)) {
      const ofOwner = owners.get(one.did) ?? 0;
      const isOver = total > maxCachedBytes ||
        ofOwner > maxCachedBytes * OWNER_SHARE;
      if (!isOver) continue;
      const key = registryKeys.cachedContent(one.digest);
      const mark = { key, versionstamp: one.versionstamp };
      const content = registryKeys.content(one.digest);
      if (!await values.deleteWith(content, mark)) continue;
      this.#memory.delete(one.digest);
      total -= one.size + ROW_BYTES;
      owners.set(one.did, ofOwner - one.size - ROW_BYTES);
      evicted++;
    }
    return evicted;
  }
}
