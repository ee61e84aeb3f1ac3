/**
 * Pages of the entries below a prefix.
 *
 * @module
 */

import type { Entry, Key, Kv } from "../kv/kv.ts";
import {
  cursorAfter,
  keyPartsOf,
  limitOf,
  type Page,
  type PageRequest,
  partsOf,
} from "./cursor.ts";
import { after } from "./reading.ts";

/**
 * One page of the entries below `prefix`, in the order of their keys; `types`
 * are those of the key parts behind it. Reads one row more than it returns.
 * Throws AppError `INVALID_REQUEST` for a bad cursor or limit.
 */
export async function pageOfEntries<T>(
  kv: Kv,
  prefix: Key,
  types: readonly ("string" | "number")[],
  request: PageRequest,
): Promise<Page<Entry<T>>> {
  const limit = limitOf(request);
  const selector = after(prefix, keyPartsOf(partsOf(request.cursor, types)));
  const items: Entry<T>[] = [];
  for await (const entry of kv.list<T>(selector, { limit: limit + 1 })) {
    if (items.length === limit) {
      const last = items.at(-1);
      return { items, cursor: last && cursorOf(last.key, prefix) };
    }
    items.push(entry);
  }
  return { items, cursor: undefined };
}

function cursorOf(key: Key, prefix: Key): string {
  const parts = key.slice(prefix.length);
  return cursorAfter(
    parts.map((part) => typeof part === "number" ? part : String(part)),
  );
}
