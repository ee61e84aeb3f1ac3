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
import { BlobNeeds, type BlobNeedsDeps, type WholeRead } from "./blob_needs.ts";

/** Rows deleted in one commit. */
const BATCH = 100;

/** Uploaders are recorded in the commit that makes a blob readable, others by {@linkcode mayNeed}. */
export class BlobUploaders {
  readonly #kv: Kv;
  readonly #needs: BlobNeeds;

  constructor(deps: BlobNeedsDeps) {
    this.#kv = deps.kv;
    this.#needs = new BlobNeeds(deps);
  }

  /**
   * Records that manifests of `account` may need blobs that it did not upload:
   * it mounted them, or asked for them as one does before a push. Throws
   * AppError `UNAVAILABLE` under contention.
   */
  async mayNeed(account: Did, digests: readonly Digest[]): Promise<void> {
    const keys = digests.map((digest) => holdKeys.uploader(digest, account));
    const found = await this.#kv.getMany(keys);
    await this.#needs.add(account, digests.filter((_, i) => !found[i]));
  }

  /**
   * Ends what {@linkcode mayNeed} recorded of `account` and is no longer
   * needed, after its repo was read as a whole or could not be read
   * (undefined).
   */
  settle(account: Did, read: WholeRead | undefined): Promise<void> {
    return this.#needs.settle(account, read);
  }

  /** Accounts that uploaded or may need a blob, or did once, each once or twice. */
  async *accounts(): AsyncIterableIterator<Did> {
    const rows = this.#kv.list({ prefix: holdKeys.accounts });
    for await (const { key } of rows) yield String(key[2]) as Did;
    yield* this.#needs.accounts();
  }

  /**
   * Returns one of `people`, whose repos cannot be read, who may need the blob,
   * or undefined when none does. Blobs from before uploaders were recorded may
   * belong to anyone.
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
    return isKnown ? await this.#needs.anyOf(digest, people) : anybody;
  }

  /** Deletes what is recorded of a deleted blob. */
  async forget(digest: Digest): Promise<void> {
    await this.#needs.forget(digest);
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
