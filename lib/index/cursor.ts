/**
 * Cursors of lists: where the next page begins, as text that callers hand back
 * and do not look into.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { z } from "zod";
import { AppError } from "../errors.ts";

/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Where the next page begins; undefined at the end. */
  readonly cursor: string | undefined;
}

/** Which page of a list. */
export interface PageRequest {
  /** From 1 to 100; 50 by default. */
  readonly limit?: number | undefined;
  /** {@linkcode Page.cursor} of the page before. */
  readonly cursor?: string | undefined;
}

/** Longest page. */
const MAX_LIMIT = 100;
const DEFAULT_LIMIT = 50;
/** Longest cursor: keys end at 2 KiB. */
const MAX_CURSOR = 4_096;

/** Longest end of a key; with the longest prefix it stays below the 2 KiB of the store. */
const MAX_KEY_BYTES = 1_200;

const partsSchema = z.array(z.union([z.string(), z.number()])).min(1).max(8);

/** Parts of a key behind a prefix. */
export type CursorParts = readonly (string | number)[];

/** The cursor that begins behind the entry with `parts` behind the prefix. */
export function cursorAfter(parts: CursorParts): string {
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

/**
 * What {@linkcode cursorAfter} was given; undefined for no cursor. `types` are
 * those of the parts. Throws AppError `INVALID_REQUEST` for another text.
 */
export function partsOf(
  cursor: string | undefined,
  types: readonly ("string" | "number")[],
): CursorParts | undefined {
  if (cursor === undefined) return undefined;
  const { data } = partsSchema.safeParse(decoded(cursor));
  const fits = data?.length === types.length &&
    data.every((part, i) => typeof part === types[i]);
  if (fits) return data;
  throw noCursor();
}

/**
 * The parts of a cursor that become the end of a key. Throws AppError
 * `INVALID_REQUEST` where they are longer than those of any key: a text that no
 * list has given.
 */
export function keyPartsOf<T extends CursorParts | undefined>(parts: T): T {
  const bytes = (parts ?? []).reduce<number>(
    (sum, part) => sum + Buffer.byteLength(String(part)),
    0,
  );
  if (bytes > MAX_KEY_BYTES) throw noCursor();
  return parts;
}

function noCursor(): AppError {
  return new AppError(
    "INVALID_REQUEST",
    "The cursor is none of this list; leave it out to begin at the start.",
  );
}

/** The length of a page. Throws AppError `INVALID_REQUEST` when it is out of bounds. */
export function limitOf({ limit = DEFAULT_LIMIT }: PageRequest): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new AppError(
    "INVALID_REQUEST",
    `The limit must be a whole number from 1 to ${MAX_LIMIT}.`,
  );
}

function decoded(cursor: string): unknown {
  if (cursor.length > MAX_CURSOR) return undefined;
  try {
    return JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch {
    return undefined;
  }
}
