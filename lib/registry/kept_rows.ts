/**
 * Rows of other parts of the program that go into a commit of the registry.
 *
 * @module
 */

import type { Atomic, Key } from "../kv/kv.ts";

/** A row of another part. */
export interface KeptRow {
  readonly key: Key;
  readonly row: unknown;
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt?: number;
}

/** Adds `rows` to `commit`. */
export function keepRows(commit: Atomic, rows: readonly KeptRow[]): void {
  for (const { key, row, expiresAt } of rows) {
    commit.set(key, row, expiresAt === undefined ? {} : { expiresAt });
  }
}
