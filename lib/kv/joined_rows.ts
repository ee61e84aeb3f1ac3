/**
 * Rows that one part of the program adds to a commit of another, so that both
 * are stored or neither.
 *
 * @module
 */

import type { Atomic, Key } from "./kv.ts";

/** A row of another part; deleted where `row` is undefined. */
export interface JoinedRow {
  readonly key: Key;
  readonly row: unknown;
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt?: number;
}

/** Adds `rows` to `commit`. */
export function joinRows(commit: Atomic, rows: readonly JoinedRow[]): void {
  for (const { key, row, expiresAt } of rows) {
    if (row === undefined) commit.delete(key);
    else commit.set(key, row, expiresAt === undefined ? {} : { expiresAt });
  }
}
