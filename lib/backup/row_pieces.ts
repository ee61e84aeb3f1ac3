/**
 * Rows of a key-value store as objects: gzip of rows, each behind its length of
 * four bytes, in the format of structured clone.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { z } from "zod";
import { AppError } from "../errors.ts";
import { fromCloneBytes, toCloneBytes } from "../kv/copying/clone_bytes.ts";
import type { Key, StoredEntry } from "../kv/kv.ts";
import type { BlobStore } from "../storage/blob_store.ts";
import type { RowPiece } from "./manifest.ts";
import { readObject, sha256Hex } from "./objects.ts";

/** Bytes of rows in one piece before it is compressed. */
const PIECE_BYTES = 8 * 1024 * 1024;
/** Bytes of the object of a piece, whose last row may pass the border. */
const MAX_PIECE_BYTES = 2 * PIECE_BYTES;

const compress = promisify(gzip);
const decompress = promisify(gunzip);

/** A row as it is written; a counter cannot be cloned. */
const rowSchema = z.strictObject({
  key: z.array(z.custom<Key[number]>(isKeyPart)).max(1_000),
  value: z.unknown(),
  counter: z.bigint().optional(),
  expiresAt: z.number().optional(),
});

/** Writes all rows below `prefix` and returns the pieces in order. */
export async function writeRows(
  target: BlobStore,
  prefix: string,
  rows: AsyncIterable<StoredEntry>,
  options: { signal?: AbortSignal; progress?: (rows: number) => void } = {},
): Promise<RowPiece[]> {
  const pieces: RowPiece[] = [];
  let parts: Buffer[] = [];
  let bytes = 0;
  let total = 0;
  const flush = async () => {
    options.signal?.throwIfAborted();
    const packed = new Uint8Array(await compress(Buffer.concat(parts)));
    const key = `${prefix}${String(pieces.length).padStart(6, "0")}`;
    await target.put(key, packed);
    const count = parts.length / 2;
    pieces.push({ key, sha256: sha256Hex(packed), rows: count });
    total += count;
    options.progress?.(total);
    parts = [];
    bytes = 0;
  };
  for await (const row of rows) {
    const encoded = encode(row);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(encoded.length);
    parts.push(length, encoded);
    bytes += encoded.length + 4;
    if (bytes >= PIECE_BYTES) await flush();
  }
  if (parts.length > 0) await flush();
  return pieces;
}

/**
 * Reads the rows of `pieces` in order. Throws AppError `INVALID_REQUEST` when
 * one is missing or was changed.
 */
export async function* readRows(
  source: BlobStore,
  pieces: readonly RowPiece[],
): AsyncGenerator<StoredEntry> {
  for (const { key, sha256 } of pieces) {
    const packed = await readObject(source, key, MAX_PIECE_BYTES);
    if (packed === undefined || sha256Hex(packed) !== sha256) {
      throw new AppError(
        "INVALID_REQUEST",
        `The backup is damaged: ${key} is ${
          packed ? "changed" : "missing"
        }. Restore another one.`,
      );
    }
    const bytes = await decompress(packed);
    for (let at = 0; at < bytes.length;) {
      const length = bytes.readUInt32BE(at);
      yield decode(bytes.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
  }
}

function encode({ key, value, expiresAt }: StoredEntry): Buffer {
  const isCounter = value instanceof Deno.KvU64;
  return toCloneBytes({
    key: [...key],
    ...(isCounter ? { counter: value.value, value: null } : { value }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  });
}

function decode(bytes: Buffer): StoredEntry {
  const { key, value, counter, expiresAt } = rowSchema.parse(
    fromCloneBytes(bytes),
  );
  return {
    key,
    value: counter === undefined ? value : new Deno.KvU64(counter),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}

function isKeyPart(part: unknown): boolean {
  return part instanceof Uint8Array ||
    ["string", "number", "bigint", "boolean"].includes(typeof part);
}
