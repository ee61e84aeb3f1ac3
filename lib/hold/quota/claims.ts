/**
 * Blobs that the manifests of a user need, from the rows of the layer index.
 *
 * @module
 */

import { type Did, parseDid } from "../../did.ts";
import type { Key, Kv } from "../../kv/kv.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import type { BlobRow } from "../blobs/blob_row.ts";
import { holdKeys } from "../kv_keys.ts";

/** A blob charged to a user. */
export interface Blob {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/** Reads the blobs needed by manifests. */
export class Claims {
  readonly #kv: Kv;

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  /** The blobs that manifests of `user` need, possibly with duplicates. */
  async *blobsOf(user: Did): AsyncIterableIterator<Blob> {
    const layers = this.#kv.list<{ size: number }>({
      prefix: holdKeys.userLayers(user),
    });
    let last: string | undefined;
    for await (const { key, value } of layers) {
      const digest = String(key[3]);
      if (digest === last || !isDigest(digest)) continue;
      last = digest;
      yield { digest, size: value.size };
    }
    const manifests = this.#kv.list<{ extra: readonly Digest[] }>(
      holdKeys.manifestsOf(user),
    );
    for await (const { value } of manifests) {
      yield* await this.sized(value.extra);
    }
  }

  /** Those of `digests` in this hold, each once, with their sizes. */
  async sized(digests: readonly Digest[]): Promise<Blob[]> {
    const distinct = [...new Set(digests)];
    const rows = await this.#kv.getMany<BlobRow>(
      distinct.map((digest) => holdKeys.blob(digest)),
    );
    return distinct.flatMap((digest, i) => {
      const size = rows[i]?.value.size;
      return size === undefined ? [] : [{ digest, size }];
    });
  }

  /** Whether a manifest of `user` needs the blob. */
  async has(user: Did, digest: Digest): Promise<boolean> {
    const prefix = holdKeys.blobUses(digest);
    const uses = this.#kv.list({
      start: [...prefix, `at://${user}/`],
      end: [...prefix, `at://${user}0`],
    }, { limit: 1 });
    for await (const _ of uses) return true;
    return false;
  }

  /** Accounts with manifests that need the blob, each once. */
  async *owners(digest: Digest): AsyncIterableIterator<Did> {
    const prefix = holdKeys.blobUses(digest);
    let start: Key = prefix;
    // One read per owner: skip the remaining manifests of the last one.
    while (true) {
      const selector = start === prefix ? { prefix } : { prefix, start };
      let owner: string | undefined;
      for await (const { key } of this.#kv.list(selector, { limit: 1 })) {
        owner = String(key[3]).split("/", 3)[2];
      }
      if (owner === undefined) return;
      const did = parseDid(owner);
      if (did !== undefined) yield did;
      // "0" is the character after "/".
      start = [...prefix, `at://${owner}0`];
    }
  }

  /** Accounts that uploaded the blob. */
  async *uploaders(digest: Digest): AsyncIterableIterator<Did> {
    const rows = this.#kv.list({ prefix: holdKeys.uploaders(digest) });
    for await (const { key } of rows) yield String(key[3]) as Did;
  }

  /** Whether the hold has the bytes of the blob, readable or not. */
  async isStored(digest: Digest): Promise<boolean> {
    const blob = await this.#kv.get<BlobRow>(holdKeys.blob(digest));
    return blob !== undefined && blob.value.bytes !== "gone";
  }
}

/** Bytes of all `blobs`. */
export function sizeOf(blobs: readonly Blob[]): number {
  return blobs.reduce((sum, { size }) => sum + size, 0);
}

/** `blobs`, each once. */
export function distinct(blobs: readonly Blob[]): Blob[] {
  return [...new Map(blobs.map((blob) => [blob.digest, blob])).values()];
}
