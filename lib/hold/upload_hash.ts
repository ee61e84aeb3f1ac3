/**
 * Hashes that run while an upload comes in, so that completing it need not
 * read the bytes again.
 *
 * @module
 */

import { createHash, type Hash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Digest, DigestAlgorithm } from "../oci/digest.ts";

/** A hash over the first bytes of an upload. */
export class RunningHash {
  readonly algorithm: DigestAlgorithm;
  #hash: Hash;

  constructor(algorithm: DigestAlgorithm) {
    this.algorithm = algorithm;
    this.#hash = createHash(algorithm);
  }

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
  }

  /** An independent hash over the same bytes. */
  copy(): RunningHash {
    const copy = new RunningHash(this.algorithm);
    copy.#hash = this.#hash.copy();
    return copy;
  }

  /** Digest of the bytes so far; more may follow. */
  digest(): Digest {
    return `${this.algorithm}:${this.#hash.copy().digest("hex")}`;
  }
}

/**
 * Running hashes by upload and offset, in this process only and at most so
 * many. Where one is missing (another instance took the bytes, a restart, too
 * many uploads) the staged bytes are read again before they become visible.
 */
export class LiveHashes {
  readonly #hashes: LRUCache<string, { offset: number; hash: RunningHash }>;

  /** @param max how many uploads are remembered; 10,000 take a few megabytes. */
  constructor(max = 10_000) {
    this.#hashes = new LRUCache({ max });
  }

  /** The hash over the first `offset` bytes, when this process has it. */
  at(
    uploadId: string,
    offset: number,
    algorithm: DigestAlgorithm,
  ): RunningHash | undefined {
    if (offset === 0) return new RunningHash(algorithm);
    const found = this.#hashes.get(uploadId);
    if (found?.offset !== offset || found.hash.algorithm !== algorithm) {
      return undefined;
    }
    return found.hash;
  }

  /** Remembers the hash over the first `offset` bytes. */
  keep(uploadId: string, offset: number, hash: RunningHash): void {
    this.#hashes.set(uploadId, { offset, hash });
  }

  forget(uploadId: string): void {
    this.#hashes.delete(uploadId);
  }
}
