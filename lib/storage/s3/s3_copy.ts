/**
 * Copies within a bucket, of objects of any size.
 *
 * @module
 */

import type { ObjectInfo } from "../blob_store.ts";
import type { S3Connection } from "./s3_client.ts";

/**
 * Largest object copied by one request. S3 allows 5 GiB, but a request that
 * says nothing for so long looks dead to what lies between.
 */
const MAX_WHOLE = 1024 * 1024 * 1024;
/** Bytes copied by one request of a larger object; 10,000 of them make 5 TiB. */
const PIECE = 512 * 1024 * 1024;
/** Requests of one copy at a time. */
const PARALLEL = 4;
/** Bytes that the slowest server copies in a millisecond. */
const BYTES_PER_MS = 10_000;

/** Sizes that {@linkcode copyObject} goes by; smaller ones are for tests. */
export interface CopyLimits {
  /** Bytes; at most 5 GiB. */
  readonly maxWhole: number;
  /** Bytes; 5 MiB to 5 GiB. */
  readonly piece: number;
}

/** Copies the object `from`, of which `info` is known, to `to`. */
export async function copyObject(
  connection: S3Connection,
  from: string,
  to: string,
  info: ObjectInfo,
  limits: CopyLimits = { maxWhole: MAX_WHOLE, piece: PIECE },
): Promise<void> {
  const { bucket } = connection;
  // The source is one value, so its slashes stay and all else is escaped.
  const source = `${bucket}/${from}`.split("/").map(encodeURIComponent)
    .join("/");
  if (info.size <= limits.maxWhole) {
    await connection.send(
      (s3, options) =>
        s3.copyObject(
          { Bucket: bucket, Key: to, CopySource: source },
          options,
        ),
      { allowanceMs: info.size / BYTES_PER_MS },
    );
    return;
  }
  const target = { Bucket: bucket, Key: to };
  const { UploadId } = await connection.send((s3, options) =>
    s3.createMultipartUpload({
      ...target,
      ContentType: info.contentType,
      CacheControl: info.cacheControl,
    }, options)
  );
  const upload = { ...target, UploadId };
  try {
    const etags = await copyPieces(connection, upload, source, info, limits);
    await connection.send((s3, options) =>
      s3.completeMultipartUpload({
        ...upload,
        MultipartUpload: {
          Parts: etags.map((ETag, i) => ({ ETag, PartNumber: i + 1 })),
        },
      }, options)
    );
  } catch (error) {
    // What cannot be dropped now is left to the sweep.
    await connection.send((s3, options) =>
      s3.abortMultipartUpload(upload, options)
    ).catch(() => {});
    throw error;
  }
}

async function copyPieces(
  connection: S3Connection,
  upload: { Bucket: string; Key: string; UploadId: string | undefined },
  source: string,
  { size }: ObjectInfo,
  { piece }: CopyLimits,
): Promise<(string | undefined)[]> {
  const etags: (string | undefined)[] = [];
  const starts = Array.from(
    { length: Math.ceil(size / piece) },
    (_, index) => index,
  ).values();
  const copy = async () => {
    // The workers share the iterator: each takes what is next.
    for (const index of starts) {
      const start = index * piece;
      const end = Math.min(start + piece, size) - 1;
      const { CopyPartResult } = await connection.send(
        (s3, options) =>
          s3.uploadPartCopy({
            ...upload,
            PartNumber: index + 1,
            CopySource: source,
            CopySourceRange: `bytes=${start}-${end}`,
          }, options),
        { allowanceMs: piece / BYTES_PER_MS },
      );
      etags[index] = CopyPartResult?.ETag;
    }
  };
  const workers = Array.from({ length: PARALLEL }, copy);
  // All have stopped before the caller aborts the upload.
  const results = await Promise.allSettled(workers);
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
  return etags;
}
