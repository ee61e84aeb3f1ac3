/**
 * Reads and copies objects between stores.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash, type Hash } from "node:crypto";
import { AppError } from "../errors.ts";
import type { BlobStore, Part } from "../storage/blob_store.ts";

/** Objects up to this size are copied in one piece. */
const SMALL_BYTES = 8 * 1024 * 1024;
/** Bytes of a part of a larger one; 10,000 parts are 640 GB. */
const PART_BYTES = 64 * 1024 * 1024;

/** Reads a small object. Throws AppError `TOO_LARGE` beyond `maxBytes`. */
export async function readObject(
  store: BlobStore,
  key: string,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const found = await store.get(key);
  if (found === undefined) return undefined;
  if (found.info.size > maxBytes) {
    await found.body.cancel();
    throw new AppError("TOO_LARGE", `${key} is larger than ${maxBytes} bytes.`);
  }
  return new Uint8Array(await new Response(found.body).arrayBuffer());
}

/** Result of {@linkcode copyObject}. */
export type Copied = "copied" | "gone" | "damaged";

/**
 * Copies an object with its headers. Where the key names a digest, `damaged`
 * bytes are not left in the target.
 */
export async function copyObject(
  from: BlobStore,
  to: BlobStore,
  key: string,
): Promise<Copied> {
  const info = await from.head(key);
  if (info === undefined) return "gone";
  const headers = {
    ...(info.contentType ? { contentType: info.contentType } : {}),
    ...(info.cacheControl ? { cacheControl: info.cacheControl } : {}),
  };
  const expected = digestIn(key);
  const hash = expected && createHash(expected.algorithm);
  const isRight = () => !hash || hash.digest("hex") === expected.hex;
  if (info.size <= SMALL_BYTES) {
    const bytes = await readObject(from, key, SMALL_BYTES);
    if (bytes === undefined) return "gone";
    hash?.update(bytes);
    if (!isRight()) return "damaged";
    await to.put(key, bytes, headers);
    return "copied";
  }
  const upload = await to.createMultipart(key, headers);
  try {
    const parts: Part[] = [];
    for (let start = 0; start < info.size; start += PART_BYTES) {
      const end = Math.min(start + PART_BYTES, info.size) - 1;
      const piece = await from.get(key, { start, end });
      if (piece === undefined) throw new Gone();
      const body = hash ? hashed(piece.body, hash) : piece.body;
      parts.push(await to.putPart(upload, parts.length + 1, body));
    }
    if (isRight()) {
      await to.completeMultipart(upload, parts);
      return "copied";
    }
    await to.abortMultipart(upload);
    return "damaged";
  } catch (error) {
    await to.abortMultipart(upload);
    if (error instanceof Gone) return "gone";
    throw error;
  }
}

/** The object was deleted while it was read. */
class Gone extends Error {}

function hashed(
  body: ReadableStream<Uint8Array>,
  hash: Hash,
): ReadableStream<Uint8Array> {
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        hash.update(chunk);
        controller.enqueue(chunk);
      },
    }),
  );
}

/** The digest that the key of a blob names. */
function digestIn(key: string) {
  const match =
    /(?:^|\/)blobs\/(sha256|sha512)\/[0-9a-f]{2}\/([0-9a-f]+)\/data$/
      .exec(key);
  const [, algorithm, hex] = match ?? [];
  return algorithm !== undefined && hex !== undefined
    ? { algorithm, hex }
    : undefined;
}

/** SHA-256 in hexadecimal. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(Buffer.from(bytes)).digest("hex");
}
