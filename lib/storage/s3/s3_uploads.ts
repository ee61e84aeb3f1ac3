/**
 * Multipart uploads of the S3 driver.
 *
 * @module
 */

import type { ListMultipartUploadsCommandOutput } from "@aws-sdk/client-s3";
import { type AppError, isAppError } from "../../errors.ts";
import { bareEtag, quotedEtag } from "../../etag.ts";
import type { Multipart, ObjectHeaders, Part } from "../blob_store.ts";
import { assertKey } from "../object_keys.ts";
import { assertPartNumber, MAX_PARTS, unknownUpload } from "../part_list.ts";
import type { S3Connection } from "./s3_client.ts";
import { storageUnavailable } from "../storage_error.ts";
import { isGone, s3Error } from "./s3_errors.ts";
import { collect } from "../stream.ts";

/** Largest part accepted from a stream, because it is buffered in memory. */
const MAX_PART = 64 * 1024 * 1024;

/** Extra milliseconds allowed per part when completing. */
const JOIN_MS = 50;

/** Multipart uploads of one bucket. */
export class S3Uploads {
  readonly #connection: S3Connection;

  constructor(connection: S3Connection) {
    this.#connection = connection;
  }

  async create(key: string, headers: ObjectHeaders): Promise<Multipart> {
    assertKey(key);
    const { UploadId } = await this.#connection.send((s3, options) =>
      s3.createMultipartUpload({
        Bucket: this.#connection.bucket,
        Key: key,
        ContentType: headers.contentType,
        CacheControl: headers.cacheControl,
      }, options)
    );
    if (UploadId) return { key, id: UploadId };
    throw this.#nonsense("began an upload without an id");
  }

  async putPart(
    upload: Multipart,
    partNumber: number,
    body: ReadableStream<Uint8Array> | Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<Part> {
    assertPartNumber(partNumber);
    const target = this.#target(upload);
    const bytes = body instanceof Uint8Array
      ? body
      : await collect(body, MAX_PART, signal);
    const { ETag } = await this.#connection.send(
      (s3, options) =>
        s3.uploadPart(
          { ...target, PartNumber: partNumber, Body: bytes },
          options,
        ),
      { upload, signal },
    );
    if (ETag === undefined) throw this.#nonsense("took a part without an ETag");
    return { partNumber, etag: bareEtag(ETag), size: bytes.length };
  }

  async list(upload: Multipart): Promise<Part[]> {
    const target = this.#target(upload);
    const parts: Part[] = [];
    let next: string | undefined;
    do {
      const page = await this.#connection.send(
        (s3, options) =>
          s3.listParts({ ...target, PartNumberMarker: next }, options),
        { upload },
      );
      for (const { PartNumber, ETag, Size = 0 } of page.Parts ?? []) {
        if (PartNumber === undefined || ETag === undefined) continue;
        const etag = bareEtag(ETag);
        parts.push({ partNumber: PartNumber, etag, size: Size });
      }
      next = page.IsTruncated ? page.NextPartNumberMarker : undefined;
    } while (next !== undefined && parts.length < MAX_PARTS);
    return parts;
  }

  /**
   * Joins `parts`, which are in ascending order. `joined` checks whether the
   * object exists; it is called when the response to an earlier attempt may
   * have been lost.
   */
  async complete(
    upload: Multipart,
    parts: readonly Part[],
    joined: () => Promise<boolean>,
  ): Promise<void> {
    const target = this.#target(upload);
    const list = parts.map(({ partNumber, etag }) => (
      { PartNumber: partNumber, ETag: quotedEtag(etag) }
    ));
    let tries = 0;
    try {
      await this.#connection.trySend((s3, options) => {
        tries++;
        return s3.completeMultipartUpload({
          ...target,
          MultipartUpload: { Parts: list },
        }, options);
      }, { allowanceMs: list.length * JOIN_MS });
    } catch (error) {
      if (!isGone(error) && !await this.#isGone(upload)) {
        throw s3Error(error, this.#connection.place, upload);
      }
      if (tries > 1 && await joined()) return;
      throw unknownUpload(upload, error);
    }
  }

  async abort(upload: Multipart): Promise<void> {
    const target = this.#target(upload);
    try {
      await this.#connection.trySend((s3, options) =>
        s3.abortMultipartUpload(target, options)
      );
    } catch (error) {
      if (isGone(error)) return;
      throw s3Error(error, this.#connection.place, upload);
    }
  }

  async *all(
    prefix: string,
  ): AsyncGenerator<{ upload: Multipart; startedAt: number }, void, void> {
    const { bucket } = this.#connection;
    let key: string | undefined;
    let id: string | undefined;
    do {
      const input = {
        Bucket: bucket,
        Prefix: prefix,
        KeyMarker: key,
        UploadIdMarker: id,
      };
      const page: ListMultipartUploadsCommandOutput = await this.#connection
        .send((s3, options) => s3.listMultipartUploads(input, options));
      for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
        if (!Key?.startsWith(prefix) || UploadId === undefined) continue;
        const upload = { key: Key, id: UploadId };
        yield { upload, startedAt: Initiated?.getTime() ?? 0 };
      }
      key = page.IsTruncated ? page.NextKeyMarker : undefined;
      id = page.NextUploadIdMarker;
    } while (key !== undefined);
  }

  /** Ceph fails with 500, not 404, to complete an upload that is gone. */
  async #isGone(upload: Multipart): Promise<boolean> {
    try {
      await this.list(upload);
      return false;
    } catch (error) {
      return isAppError(error, "BLOB_UPLOAD_UNKNOWN");
    }
  }

  #target(upload: Multipart) {
    assertKey(upload.key);
    return {
      Bucket: this.#connection.bucket,
      Key: upload.key,
      UploadId: upload.id,
    };
  }

  #nonsense(what: string): AppError {
    const { host } = this.#connection.place;
    return storageUnavailable(
      `${host} ${what}; it does not speak S3 as it should.`,
    );
  }
}
