/**
 * Stored pictures for clients that read them at this server.
 *
 * @module
 */

import { quotedEtag } from "../../etag.ts";
import type { BlobStore } from "../../storage/blob_store.ts";
import { parseObjectKey } from "../picture_keys.ts";
import type { StoredPictures } from "./stored_pictures.ts";

export interface ServedObjectsDeps {
  readonly store: Pick<BlobStore, "get">;
  readonly stored: Pick<StoredPictures, "find">;
}

/** A stored object to be served. */
export interface ServedObject {
  /** Bytes. */
  readonly size: number;
  readonly contentType: string;
  readonly etag: string;
}

/** Objects by their keys. */
export class ServedObjects {
  readonly #deps: ServedObjectsDeps;

  constructor(deps: ServedObjectsDeps) {
    this.#deps = deps;
  }

  /**
   * Returns the object at `key`, or undefined when there is none, it is damaged
   * or the key is invalid.
   */
  async head(key: string): Promise<ServedObject | undefined> {
    const name = parseObjectKey(key);
    if (name === undefined) return undefined;
    const info = await this.#deps.stored.find(name);
    if (info === undefined) return undefined;
    return {
      size: info.size,
      contentType: info.contentType ?? "application/octet-stream",
      etag: quotedEtag(`${name.cid}-${name.variant ?? "original"}`),
    };
  }

  /** The bytes of an object that {@linkcode head} found. */
  async open(
    key: string,
    signal: AbortSignal,
  ): Promise<ReadableStream<Uint8Array> | undefined> {
    return (await this.#deps.store.get(key, undefined, signal))?.body;
  }
}
