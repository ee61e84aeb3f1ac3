/**
 * S3 driver: AWS or any compatible server. Requests are retried, a bounded
 * number of times, when the connection breaks or stalls or the server is busy.
 * Parts are uploaded from memory, so a part is at most 64 MiB.
 *
 * @module
 */

import { type Clock, systemClock } from "../../clock.ts";
import { bareEtag } from "../../etag.ts";
import type {
  BlobStore,
  ByteRange,
  Multipart,
  ObjectHeaders,
  ObjectInfo,
  Part,
  PartLimits,
  PresignedRequest,
} from "../blob_store.ts";
import { assertKey, assertPrefix } from "../object_keys.ts";
import {
  assertPartNumber,
  MAX_PARTS,
  nothingToMove,
  orderedParts,
  requireSize,
} from "../part_list.ts";
import { infoOf, S3Connection, type S3Options } from "./s3_client.ts";
import { type CopyLimits, copyObject } from "./s3_copy.ts";
import { isGone, s3Error } from "./s3_errors.ts";
import { storageUnavailable } from "../storage_error.ts";
import { readObject } from "./s3_read.ts";
import { S3Uploads } from "./s3_uploads.ts";
import { publicUrl, withHost } from "./s3_urls.ts";

/** Minimum part size of S3, except for the last part. */
const MIN_PART = 5 * 1024 * 1024;

/** How long a successful write counts as proof that the bucket is writable, in milliseconds. */
const PROBE_MS = 30_000;

/**
 * A {@linkcode BlobStore} on S3. Sends no request before it is used. Without
 * `probeKey`, {@linkcode S3BlobStore.check} does not test writing.
 */
export class S3BlobStore implements BlobStore {
  readonly driver = "s3";
  readonly parts: PartLimits = { minBytes: MIN_PART, maxParts: MAX_PARTS };
  readonly positional = false;
  readonly #connection: S3Connection;
  readonly #options: S3Options;
  readonly #clock: Clock;
  readonly #copyLimits: CopyLimits | undefined;
  readonly #bucket: string;
  readonly #uploads: S3Uploads;
  readonly #probeKey: string | undefined;
  #probedAt = -Infinity;

  constructor(
    options: S3Options,
    extras: { clock?: Clock; copyLimits?: CopyLimits; probeKey?: string } = {},
  ) {
    this.#clock = extras.clock ?? systemClock;
    this.#connection = new S3Connection(options, this.#clock);
    this.#uploads = new S3Uploads(this.#connection);
    this.#options = options;
    this.#bucket = options.bucket;
    this.#copyLimits = extras.copyLimits;
    this.#probeKey = extras.probeKey;
  }

  /**
   * Lists one key, which proves more than HeadBucket, and writes an empty
   * object unless one was written in the last half minute, because writes cost
   * money. At most two attempts.
   */
  async check(signal?: AbortSignal): Promise<void> {
    const limits = { signal, tries: 2 };
    await this.#connection.send(
      (s3, options) =>
        s3.listObjectsV2({ Bucket: this.#bucket, MaxKeys: 1 }, options),
      limits,
    );
    const key = this.#probeKey;
    const now = this.#clock.now();
    const written = now >= this.#probedAt && now < this.#probedAt + PROBE_MS;
    if (key === undefined || written) return;
    await this.#connection.send(
      (s3, options) =>
        s3.putObject(
          { Bucket: this.#bucket, Key: key, Body: new Uint8Array() },
          options,
        ),
      limits,
    );
    this.#probedAt = now;
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    assertKey(key);
    try {
      const found = await this.#connection.trySend(
        (s3, options) =>
          s3.headObject({ Bucket: this.#bucket, Key: key }, options),
      );
      return infoOf(found, found.ContentLength);
    } catch (error) {
      if (isGone(error)) return undefined;
      throw s3Error(error, this.#connection.place);
    }
  }

  async get(
    key: string,
    range?: ByteRange,
    signal?: AbortSignal,
  ): Promise<
    { info: ObjectInfo; body: ReadableStream<Uint8Array> } | undefined
  > {
    assertKey(key);
    return await readObject(this.#connection, key, range, signal);
  }

  async put(
    key: string,
    bytes: Uint8Array,
    headers: ObjectHeaders = {},
  ): Promise<ObjectInfo> {
    assertKey(key);
    const { ETag = "" } = await this.#connection.send(
      (s3, options) =>
        s3.putObject({
          Bucket: this.#bucket,
          Key: key,
          ContentType: headers.contentType,
          CacheControl: headers.cacheControl,
          Body: bytes,
        }, options),
    );
    return {
      size: bytes.length,
      etag: bareEtag(ETag),
      modifiedAt: this.#clock.now(),
      contentType: headers.contentType,
      cacheControl: headers.cacheControl,
    };
  }

  async delete(key: string): Promise<void> {
    assertKey(key);
    await this.#connection.send((s3, options) =>
      s3.deleteObject({ Bucket: this.#bucket, Key: key }, options)
    );
  }

  /** Copies, then deletes: for a moment both are there, never neither. */
  async move(from: string, to: string, size?: number): Promise<void> {
    assertKey(to);
    const info = await this.head(from);
    if (info === undefined) throw nothingToMove(from);
    requireSize(size, info.size);
    if (from === to) return;
    await copyObject(this.#connection, from, to, info, this.#copyLimits);
    await this.delete(from);
  }

  /** Content type and cache control are not needed here. */
  async *list(
    prefix: string,
  ): AsyncGenerator<{ key: string; info: ObjectInfo }, void, void> {
    assertPrefix(prefix);
    let next: string | undefined;
    do {
      const page = await this.#connection.send((s3, options) =>
        s3.listObjectsV2({
          Bucket: this.#bucket,
          Prefix: prefix,
          ContinuationToken: next,
        }, options)
      );
      for (const object of page.Contents ?? []) {
        const { Key: key, Size } = object;
        if (key !== undefined) yield { key, info: infoOf(object, Size) };
      }
      next = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (next !== undefined);
  }

  createMultipart(key: string, headers?: ObjectHeaders): Promise<Multipart> {
    return this.#uploads.create(key, headers ?? {});
  }

  /** A stream is buffered first. Throws AppError `TOO_LARGE` beyond 64 MiB. */
  putPart(
    upload: Multipart,
    partNumber: number,
    body: ReadableStream<Uint8Array> | Uint8Array,
    options: { offset?: number; signal?: AbortSignal } = {},
  ): Promise<Part> {
    return this.#uploads.putPart(upload, partNumber, body, options.signal);
  }

  listParts(upload: Multipart): Promise<Part[]> {
    return this.#uploads.list(upload);
  }

  async completeMultipart(
    upload: Multipart,
    parts: readonly Part[],
    key = upload.key,
  ): Promise<ObjectInfo> {
    const ordered = orderedParts(parts);
    // S3 cannot complete an upload without parts.
    if (ordered.length === 0) {
      ordered.push(await this.putPart(upload, 1, new Uint8Array()));
    }
    const size = ordered.reduce((sum, part) => sum + part.size, 0);
    const joined = async () => (await this.head(upload.key))?.size === size;
    await this.#uploads.complete(upload, ordered, joined);
    if (key !== upload.key) await this.move(upload.key, key, size);
    const info = await this.head(key);
    if (info !== undefined) {
      requireSize(size, info.size);
      return info;
    }
    throw storageUnavailable(
      `${this.#connection.place.host} joined the parts but shows no object.`,
    );
  }

  abortMultipart(upload: Multipart): Promise<void> {
    return this.#uploads.abort(upload);
  }

  listMultiparts(
    prefix: string,
  ): AsyncGenerator<{ upload: Multipart; startedAt: number }, void, void> {
    assertPrefix(prefix);
    return this.#uploads.all(prefix);
  }

  /**
   * Signs only the host, so that clients may add headers. Responses of the URL
   * carry `contentType` and `cacheControl`.
   */
  async presignGet(
    key: string,
    options: {
      expiresInSeconds: number;
      contentType?: string;
      cacheControl?: string;
    },
  ): Promise<PresignedRequest> {
    assertKey(key);
    const signed = await this.#connection.presignGet({
      Bucket: this.#bucket,
      Key: key,
      ResponseContentType: options.contentType,
      ResponseCacheControl: options.cacheControl,
    }, options.expiresInSeconds);
    const url = withHost(signed, this.#options.cdnHost);
    return { url, method: "GET", headers: {} };
  }

  /** The ETag of the response identifies the part at completion. */
  async presignPart(
    upload: Multipart,
    partNumber: number,
    options: { expiresInSeconds: number },
  ): Promise<PresignedRequest> {
    assertKey(upload.key);
    assertPartNumber(partNumber);
    const url = await this.#connection.presignPart({
      Bucket: this.#bucket,
      Key: upload.key,
      UploadId: upload.id,
      PartNumber: partNumber,
    }, options.expiresInSeconds);
    return { url, method: "PUT", headers: {} };
  }

  /** For publicly readable buckets. */
  publicUrl(key: string): string {
    assertKey(key);
    return publicUrl(this.#options, key);
  }

  /** Closes idle connections, which would keep the process alive for a while. */
  close(): Promise<void> {
    return this.#connection.close();
  }
}
