/**
 * A store of objects that measures its calls.
 *
 * @module
 */

import type {
  BlobStore,
  ByteRange,
  Multipart,
  ObjectHeaders,
  Part,
} from "../../storage/blob_store.ts";
import type { SystemMetrics } from "../../metrics/system_metrics.ts";

/**
 * Passes every call on and measures it; what a driver does not have, this does
 * not have either. A reading call counts until its first bytes are there.
 */
export class MeteredBlobStore implements BlobStore {
  readonly driver: string;
  readonly parts: BlobStore["parts"];
  readonly positional: boolean;
  declare readonly localSize?: NonNullable<BlobStore["localSize"]>;
  declare readonly presignGet?: NonNullable<BlobStore["presignGet"]>;
  declare readonly presignPart?: NonNullable<BlobStore["presignPart"]>;
  declare readonly publicUrl?: NonNullable<BlobStore["publicUrl"]>;
  readonly #store: BlobStore;
  readonly #metrics: SystemMetrics;

  constructor(store: BlobStore, metrics: SystemMetrics) {
    this.#store = store;
    this.#metrics = metrics;
    this.driver = store.driver;
    this.parts = store.parts;
    this.positional = store.positional;
    const { localSize, presignGet, presignPart, publicUrl } = store;
    // These ask nobody.
    if (localSize) this.localSize = localSize.bind(store);
    if (presignGet) this.presignGet = presignGet.bind(store);
    if (presignPart) this.presignPart = presignPart.bind(store);
    if (publicUrl) this.publicUrl = publicUrl.bind(store);
  }

  check(signal?: AbortSignal) {
    return this.#measure("check", () => this.#store.check(signal));
  }

  head(key: string) {
    return this.#measure("head", () => this.#store.head(key));
  }

  async get(
    key: string,
    range?: ByteRange,
    signal?: AbortSignal,
    options?: { bare: boolean },
  ) {
    const found = await this.#measure(
      "get",
      () => this.#store.get(key, range, signal, options),
    );
    if (found) this.#count("read", lengthOf(found.info.size, range));
    return found;
  }

  async put(key: string, bytes: Uint8Array, headers?: ObjectHeaders) {
    const info = await this.#measure(
      "put",
      () => this.#store.put(key, bytes, headers),
    );
    this.#count("written", info.size);
    return info;
  }

  delete(key: string) {
    return this.#measure("delete", () => this.#store.delete(key));
  }

  move(from: string, to: string, size?: number) {
    return this.#measure("move", () => this.#store.move(from, to, size));
  }

  list(prefix: string) {
    return this.#store.list(prefix);
  }

  createMultipart(key: string, headers?: ObjectHeaders) {
    return this.#measure(
      "create_multipart",
      () => this.#store.createMultipart(key, headers),
    );
  }

  async putPart(
    upload: Multipart,
    partNumber: number,
    body: ReadableStream<Uint8Array> | Uint8Array,
    options?: { offset?: number; signal?: AbortSignal },
  ) {
    const part = await this.#measure(
      "put_part",
      () => this.#store.putPart(upload, partNumber, body, options),
    );
    this.#count("written", part.size);
    return part;
  }

  listParts(upload: Multipart) {
    return this.#measure("list_parts", () => this.#store.listParts(upload));
  }

  completeMultipart(upload: Multipart, parts: readonly Part[], key?: string) {
    return this.#measure(
      "complete_multipart",
      () => this.#store.completeMultipart(upload, parts, key),
    );
  }

  abortMultipart(upload: Multipart) {
    return this.#measure(
      "abort_multipart",
      () => this.#store.abortMultipart(upload),
    );
  }

  listMultiparts(prefix: string) {
    return this.#store.listMultiparts(prefix);
  }

  #measure<T>(operation: string, work: () => Promise<T>): Promise<T> {
    return this.#metrics.storage.measure(this.driver, operation, work);
  }

  #count(direction: "read" | "written", bytes: number): void {
    this.#metrics.storageBytes(this.driver, direction, bytes);
  }
}

/** Bytes of a range of an object; all of them without one. */
function lengthOf(size: number, range: ByteRange | undefined): number {
  if (range === undefined) return size;
  return Math.min(range.end, size - 1) - range.start + 1;
}
