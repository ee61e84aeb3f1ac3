/**
 * Objects that rows name, compared with those that the store has. An object is
 * lost when the store does not have it and the rows say that it has; only what
 * rows named before and do not name any more was deleted on purpose.
 *
 * @module
 */

import { isAppError } from "../errors.ts";
import type { StoredEntry } from "../kv/kv.ts";
import type { BlobStore } from "../storage/blob_store.ts";
import { getManifest } from "./manifest.ts";
import { readRows } from "./row_pieces.ts";

/** An object that a row says is in the store. */
export interface NamedObject {
  readonly key: string;
  /** Whether it is about to be deleted, so that its absence is no loss. */
  readonly isLeaving: boolean;
}

/** The object that a row names; undefined for every other row. */
export type NameOf = (row: StoredEntry) => NamedObject | undefined;

/** Collects the objects of rows, about 100 bytes of memory each. */
export class NamedObjects {
  readonly #nameOf: NameOf;
  /** Not found yet: whether they are leaving, by key. */
  readonly #named = new Map<string, boolean>();

  constructor(nameOf: NameOf) {
    this.#nameOf = nameOf;
  }

  /** Passes `rows` on and remembers what they name. */
  async *collect(
    rows: AsyncIterable<StoredEntry>,
  ): AsyncGenerator<StoredEntry> {
    for await (const row of rows) {
      const named = this.#nameOf(row);
      if (named) this.#named.set(named.key, named.isLeaving);
      yield row;
    }
  }

  /** Marks an object that the store has. */
  found(key: string): void {
    this.#named.delete(key);
  }

  /** Whether the rows name an object that was not found. */
  isMissing(key: string): boolean {
    return this.#named.has(key);
  }

  /** Keys of the objects that were not found and should be there. */
  lost(): string[] {
    return [...this.#named].filter(([, isLeaving]) => !isLeaving)
      .map(([key]) => key);
  }
}

/**
 * Those of `keys` that the rows of the backup `id` name; none when they cannot
 * be read.
 */
export async function namedBefore(
  target: BlobStore,
  id: string,
  keys: readonly string[],
  nameOf: NameOf,
): Promise<string[]> {
  const wanted = new Set(keys);
  const named: string[] = [];
  try {
    const { pieces } = await getManifest(target, id);
    for await (const row of readRows(target, pieces)) {
      const key = nameOf(row)?.key;
      if (key !== undefined && wanted.has(key)) named.push(key);
    }
  } catch (error) {
    // A damaged backup proves nothing, and must not prevent a new one.
    if (isAppError(error)) return [];
    throw error;
  }
  return named;
}
