/**
 * Reads S3 objects.
 *
 * @module
 */

import { Readable } from "node:stream";
import { quotedEtag } from "../../etag.ts";
import type { ByteRange, ObjectInfo } from "../blob_store.ts";
import { resumableBody } from "./s3_body.ts";
import { infoOf, type S3Connection } from "./s3_client.ts";
import { isGone, s3Error } from "./s3_errors.ts";
import { sliceOf } from "../stream.ts";

/**
 * Returns an object or a range of it, undefined when there is none. When the
 * connection breaks, the body continues with a new request, as long as the
 * object is unchanged.
 */
export async function readObject(
  connection: S3Connection,
  key: string,
  range: ByteRange | undefined,
  signal: AbortSignal | undefined,
): Promise<
  { info: ObjectInfo; body: ReadableStream<Uint8Array> } | undefined
> {
  // Servers return the whole object for an invalid range.
  if (range) sliceOf(Number.MAX_SAFE_INTEGER, range);
  let first: { info: ObjectInfo; body: Readable };
  try {
    first = await open(connection, key, range, undefined, signal);
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (isGone(error)) return undefined;
    throw s3Error(error, connection.place);
  }
  const { info, body } = first;
  const slice = sliceOf(info.size, range);
  const end = slice.start + slice.length - 1;
  const resume = async (start: number) => {
    try {
      const rest = { start, end };
      return (await open(connection, key, rest, info.etag, signal)).body;
    } catch (error) {
      throw s3Error(error, connection.place);
    }
  };
  const { idleTimeoutMs } = connection;
  const options = { slice, first: body, resume, idleTimeoutMs, signal };
  return { info, body: resumableBody(options) };
}

async function open(
  connection: S3Connection,
  key: string,
  range: ByteRange | undefined,
  etag: string | undefined,
  signal: AbortSignal | undefined,
): Promise<{ info: ObjectInfo; body: Readable }> {
  const found = await connection.trySend(
    (s3, options) =>
      s3.getObject({
        Bucket: connection.bucket,
        Key: key,
        Range: range && `bytes=${range.start}-${range.end}`,
        IfMatch: etag && quotedEtag(etag),
      }, options),
    { signal },
  );
  const [, first, total] =
    /^bytes (\d+)-\d+\/(\d+)$/.exec(found.ContentRange ?? "") ?? [];
  const size = range ? Number(total) : found.ContentLength;
  // Bytes of another range would be mistaken for the requested ones.
  const isThere = range
    ? Number(first) === range.start
    : found.ContentRange === undefined;
  const { Body: body } = found;
  if (body instanceof Readable && Number.isSafeInteger(size) && isThere) {
    return { info: infoOf(found, size), body };
  }
  if (body instanceof Readable) body.destroy();
  throw new Error(
    "The answer has no body of a known size, or not the range that was asked for.",
  );
}
