/**
 * Measures one commit and refuses what {@linkcode KV_LIMITS} does not allow.
 *
 * @module
 */

import type { Key } from "./kv.ts";
import { assertStorable, keySize, KV_LIMITS } from "./limits.ts";

/** The size of a commit that is being put together; its methods throw a RangeError. */
export class CommitSize {
  #checks = 0;
  #mutations = 0;
  #bytes = 0;
  #keyBytes = 0;

  /** Everything, as `KV_LIMITS.commitBytes` counts it. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keys under which values are stored. */
  get keyBytes(): number {
    return this.#keyBytes;
  }

  check(key: Key): void {
    this.#checks++;
    this.#key(key);
  }

  delete(key: Key): void {
    this.#mutations++;
    this.#key(key);
  }

  /** A value of `valueBytes` or a sum. */
  value(key: Key, valueBytes: number): void {
    const keyBytes = keySize(key);
    assertStorable(key, keyBytes, valueBytes);
    this.#mutations++;
    this.#keyBytes += keyBytes;
    this.#bytes += 2 * keyBytes + valueBytes;
  }

  /** Call it before the commit is sent. */
  assertFits(): void {
    const { checks, mutations, commitBytes, commitKeyBytes } = KV_LIMITS;
    const refuse = (what: string, count: number, most: number) => {
      if (count <= most) return;
      throw new RangeError(
        `One commit may have at most ${most} ${what}, this one has ${count}`,
      );
    };
    refuse("checks", this.#checks, checks);
    refuse("mutations", this.#mutations, mutations);
    refuse("bytes", this.#bytes, commitBytes);
    refuse("bytes of keys", this.#keyBytes, commitKeyBytes);
  }

  #key(key: Key): void {
    const bytes = keySize(key);
    assertStorable(key, bytes, 0);
    this.#bytes += bytes;
  }
}
