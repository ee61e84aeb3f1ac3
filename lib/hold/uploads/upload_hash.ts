/**
 * Running hashes of uploads, so that completion need not read the bytes again.
 *
 * @module
 */

import { createHash, type Hash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Digest, DigestAlgorithm } from "../../oci/digest.ts";
import type { UploadRow } from "./upload_row.ts";

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

  /** Digest of the bytes so far; more bytes may follow. */
  digest(): Digest {
    return `${this.algorithm}:${this.#hash.copy().digest("hex")}`;
  }
}

/**
 * A bounded cache of running hashes by upload and offset, in this process only.
 * When one is missing (another instance received the bytes, a restart, too many
 * uploads) the staged bytes are read again before they become visible. The key
 * is the ticket of the row, not the id of the upload: after another instance
 * deleted the row, an upload with the same id may start again with other bytes.
 */
export class LiveHashes {
  readonly #hashes: LRUCache<string, { offset: number; hash: RunningHash }>;

  /** @param max maximum number of uploads; 10,000 take a few megabytes. */
  constructor(max = 10_000) {
    this.#hashes = new LRUCache({ max });
  }

  /** The hash over all bytes of `row`, if this process has it. */
  of({ ticket, offset, algorithm }: UploadRow): RunningHash | undefined {
    if (offset === 0) return new RunningHash(algorithm);
    const found = this.#hashes.get(ticket);
    if (found?.offset !== offset || found.hash.algorithm !== algorithm) {
      return undefined;
    }
    return found.hash;
  }

  /** Stores the hash over the first `offset` bytes. */
  keep({ ticket }: UploadRow, offset: number, hash: RunningHash): void {
    this.#hashes.set(ticket, { offset, hash });
  }

  forget({ ticket }: UploadRow): void {
    this.#hashes.delete(ticket);
  }
}
