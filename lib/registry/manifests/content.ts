/**
 * The exact bytes of manifests, by digest: a small memory in front of KV.
 * Content never changes, so what is in memory once is right for good; what comes
 * out of the store is compared with its digest. What was pushed here is kept;
 * what was read from an owner's PDS can be read again, and is removed when all
 * of that becomes too much.
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
  /** Bytes that manifests which nobody pushed here may take. */
  maxCachedBytes: number;
  watch: ContentWatch;
}

/** Content that nobody pushed here. */
interface CachedRow {
  /** Whose repo it was read from first. */
  did: Did;
  /** Bytes. */
  size: number;
  /** When it was read, in milliseconds since the Unix epoch. */
  at: number;
}

interface Remembered {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether it is known to be in the store, for good. */
  readonly isKept: boolean;
}

interface Candidate extends CachedRow {
  readonly digest: Digest;
  readonly versionstamp: string;
}

/** Bytes of manifests kept in memory. */
const MEMORY_BYTES = 16 * 1024 * 1024;

/** What a small manifest takes in the store besides its bytes. */
const ROW_BYTES = 1_024;

/** Part of the cached bytes that one owner may have. */
const OWNER_SHARE = 0.25;

/** Who learns of stored bytes that are wrong. */
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

  /** The bytes when they are in memory; asks nobody. */
  peek(digest: Digest): Uint8Array<ArrayBuffer> | undefined {
    return this.#memory.get(digest)?.bytes;
  }

  /**
   * The bytes behind `digest`, or undefined when we do not have them. Stored
   * bytes that are not what the digest promises are forgotten, so that they are
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
   * The row that keeps `bytes`, which the caller has verified to have `digest`,
   * for a commit of the caller's; undefined when {@linkcode put} has to do it.
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

  /** Keeps `bytes` for good, which the caller has verified to have `digest`. */
  async put(digest: Digest, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (this.#memory.get(digest)?.isKept) return;
    const { kv, values } = this.#deps;
    // First, so that it is not removed as something that can be read again.
    await kv.delete(registryKeys.cachedContent(digest));
    await values.set(registryKeys.content(digest), bytes);
    this.remember(digest, bytes);
  }

  /** Keeps verified `bytes` that were read from the repo of `did`, as long as there is room. */
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

  /** Has bytes that are kept for good at hand. */
  remember(digest: Digest, bytes: Uint8Array<ArrayBuffer>): void {
    this.#memory.set(digest, { bytes, isKept: true });
  }

  /**
   * Removes what was read longest ago while cached content takes too much,
   * altogether or of one owner; returns how many manifests.
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
