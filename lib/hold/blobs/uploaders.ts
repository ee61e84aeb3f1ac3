/**
 * Uploaders of blobs. While an account's repo cannot be read, blobs that it
 * uploaded may be needed by images that the hold does not know.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import { holdKeys } from "../kv_keys.ts";

/** Rows deleted in one commit. */
const BATCH = 100;

/** The uploaders of blobs, recorded in the commit that makes a blob readable. */
export class BlobUploaders {
  readonly #kv: Kv;

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  /**
   * Returns one of `people` who may have uploaded the blob, or undefined when
   * none did. Blobs from before uploaders were recorded may belong to anyone.
   */
  async anyOf(
    digest: Digest,
    people: ReadonlySet<Did>,
  ): Promise<Did | undefined> {
    const [anybody] = people;
    if (anybody === undefined) return undefined;
    let isKnown = false;
    const rows = this.#kv.list({ prefix: holdKeys.uploaders(digest) });
    for await (const { key } of rows) {
      const uploader = String(key[3]) as Did;
      if (people.has(uploader)) return uploader;
      isKnown = true;
    }
    return isKnown ? undefined : anybody;
  }

  /** Deletes the uploaders of a deleted blob. */
  async forget(digest: Digest): Promise<void> {
    let change = this.#kv.atomic();
    let count = 0;
    const rows = this.#kv.list({ prefix: holdKeys.uploaders(digest) });
    for await (const { key } of rows) {
      change.delete(key);
      if (++count % BATCH !== 0) continue;
      await change.commit();
      change = this.#kv.atomic();
    }
    if (count % BATCH !== 0) await change.commit();
  }
}
