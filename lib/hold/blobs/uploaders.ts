/**
 * Accounts that may need a blob: its uploaders, and others in whose
 * repositories it became available without an upload. While an account's repo
 * cannot be read, such blobs may be needed by images that the hold does not
 * know.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import { holdKeys } from "../kv_keys.ts";

/** Rows deleted in one commit. */
const BATCH = 100;

/** Rows written in one commit: their keys fit with the longest DIDs. */
const WRITTEN = 35;

/** Uploaders are recorded in the commit that makes a blob readable, others by {@linkcode mayNeed}. */
export class BlobUploaders {
  readonly #kv: Kv;

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  /**
   * Records that manifests of `account` may need blobs that it did not upload:
   * it mounted them, or asked for them as one does before a push.
   */
  async mayNeed(account: Did, digests: readonly Digest[]): Promise<void> {
    const keys = digests.map((digest) => holdKeys.uploader(digest, account));
    const found = await this.#kv.getMany(keys);
    const fresh = keys.filter((_, i) => !found[i]);
    for (let i = 0; i < fresh.length; i += WRITTEN) {
      const change = this.#kv.atomic().set(holdKeys.mayNeed(account), true);
      for (const key of fresh.slice(i, i + WRITTEN)) change.set(key, true);
      await change.commit();
    }
  }

  /** Accounts that uploaded or may need a blob, or did once, each once or twice. */
  async *accounts(): AsyncIterableIterator<Did> {
    for (const prefix of [holdKeys.accounts, holdKeys.mayNeedAny]) {
      for await (const { key } of this.#kv.list({ prefix })) {
        yield String(key[2]) as Did;
      }
    }
  }

  /**
   * Returns one of `people` who may need the blob, or undefined when none does.
   * Blobs from before uploaders were recorded may belong to anyone.
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

  /** Deletes what is recorded of a deleted blob. */
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
