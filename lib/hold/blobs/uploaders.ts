/**
 * Who uploaded which blob. While the repo of somebody cannot be read, what they
 * uploaded may be needed by an image of theirs that the hold does not know.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import { holdKeys } from "../kv_keys.ts";

/** Rows deleted in one commit. */
const BATCH = 100;

/** The uploaders of blobs, as they are noted in the commit that makes a blob readable. */
export class BlobUploaders {
  readonly #kv: Kv;

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  /**
   * One of `people` who may have uploaded the blob; undefined when none of them
   * did. Blobs that came before uploaders were noted may be anybody's.
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

  /** Forgets the uploaders of a blob that is gone. */
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
