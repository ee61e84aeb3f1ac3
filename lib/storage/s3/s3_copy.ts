/**
 * Copies within a bucket, of objects of any size.
 *
 * @module
 */

import type { ObjectInfo } from "../blob_store.ts";
import type { S3Connection } from "./s3_client.ts";

/**
 * Largest object copied by one request. S3 allows 5 GiB, but proxies in between
 * may drop a request that is silent for that long.
 */
const MAX_WHOLE = 1024 * 1024 * 1024;
/** Bytes of a larger object copied by one request; 10,000 of them are 5 TiB. */
const PIECE = 512 * 1024 * 1024;
/** Concurrent requests of one copy. */
const PARALLEL = 4;
/** Bytes per millisecond that even a slow server copies. */
const BYTES_PER_MS = 10_000;

/** Sizes used by {@linkcode copyObject}; smaller ones are for tests. */
export interface CopyLimits {
  /** Bytes; at most 5 GiB. */
  readonly maxWhole: number;
  /** Bytes; 5 MiB to 5 GiB. */
  readonly piece: number;
}

/** Copies the object `from`, whose metadata is `info`, to `to`. */
export async function copyObject(
  connection: S3Connection,
  from: string,
  to: string,
  info: ObjectInfo,
  limits: CopyLimits = { maxWhole: MAX_WHOLE, piece: PIECE },
): Promise<void> {
  const { bucket } = connection;
  // The source is one header value: its slashes stay, everything else is escaped.
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
    // The sweep deletes what cannot be deleted now.
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
    // The workers share the iterator: each takes the next item.
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
