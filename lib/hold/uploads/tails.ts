/**
 * Bytes at the end of an upload that are too few for a part, as objects in the
 * store. A request adds a piece with its own bytes, joined with earlier pieces
 * that are less than twice as large. So a byte is written again only when its
 * piece grows by half, however small the requests are, and a tail has few pieces.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import { AppError } from "../../errors.ts";
import type { BlobStore } from "../../storage/blob_store.ts";
import type { Tail, TailPiece } from "./upload_row.ts";

/** The pieces of a tail, in the order of their bytes. */
function piecesOf(tail: Tail | undefined): readonly TailPiece[] {
  if (!tail) return [];
  const { before = [], ...last } = tail;
  return [...before, last];
}

/** Bytes of a tail. */
export function tailSize(tail: Tail | undefined): number {
  return piecesOf(tail).reduce((sum, { size }) => sum + size, 0);
}

/** How `bytes` more are added to a tail. */
export interface TailPlan {
  /** Pieces that stay. */
  readonly kept: readonly TailPiece[];
  /** Pieces that are read and joined with the new bytes. */
  readonly joined: Tail | undefined;
  /** Bytes of the new piece. */
  readonly size: number;
}

/** Plans to add `bytes` to `tail`. */
export function planTail(tail: Tail | undefined, bytes: number): TailPlan {
  const pieces = piecesOf(tail);
  let size = bytes;
  let at = pieces.length;
  for (; at > 0; at--) {
    const piece = pieces[at - 1];
    // Each piece is at least twice as large as the next one.
    if (!piece || piece.size >= 2 * size) break;
    size += piece.size;
  }
  const joined = tailOf(pieces.slice(at));
  return { kept: pieces.slice(0, at), joined, size };
}

/** Stores `bytes` as a piece under `key` after those that stay. */
export async function addToTail(
  store: BlobStore,
  { kept }: TailPlan,
  key: string,
  bytes: Uint8Array,
): Promise<Tail> {
  // The running hash has already passed these bytes: only the checksum detects
  // if the store changed them.
  const checksum = crc32(bytes);
  await store.put(key, bytes);
  const piece = { key, size: bytes.length, checksum };
  return kept.length === 0 ? piece : { ...piece, before: kept };
}

/**
 * Reads a tail to the beginning of `into`. Throws AppError
 * `BLOB_UPLOAD_INVALID` when a piece is missing or has changed.
 */
export async function readTail(
  store: BlobStore,
  tail: Tail | undefined,
  into: Uint8Array,
): Promise<void> {
  let at = 0;
  for (const piece of piecesOf(tail)) {
    await readPiece(store, piece, into.subarray(at, at + piece.size));
    at += piece.size;
  }
}

/** Keys of the pieces of `tail` that `after` does not have. */
export function droppedKeys(
  tail: Tail | undefined,
  after?: Tail,
): readonly string[] {
  const left = new Set(piecesOf(after).map(({ key }) => key));
  return piecesOf(tail).map(({ key }) => key).filter((key) => !left.has(key));
}

async function readPiece(
  store: BlobStore,
  { key, size, checksum }: TailPiece,
  into: Uint8Array,
): Promise<void> {
  let filled = 0;
  const object = await store.get(key);
  if (object?.info.size === size) {
    for await (const chunk of object.body) {
      into.set(chunk, filled);
      filled += chunk.length;
    }
  } else await object?.body.cancel();
  const isWhole = filled === size;
  if (isWhole && (checksum === undefined || checksum === crc32(into))) return;
  throw new AppError(
    "BLOB_UPLOAD_INVALID",
    `Bytes of this upload ${
      isWhole ? "have changed" : "are missing"
    } in the store; start a new upload.`,
  );
}

function tailOf(pieces: readonly TailPiece[]): Tail | undefined {
  const last = pieces.at(-1);
  if (!last || pieces.length === 1) return last;
  return { ...last, before: pieces.slice(0, -1) };
}
