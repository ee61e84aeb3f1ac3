/**
 * Counters as they come out of a read of many rows.
 *
 * @module
 */

import type { Key, Kv } from "./kv.ts";

/** The count in a stored value, 0 when there is none. */
export function countOf(value: unknown): number {
  return value instanceof Deno.KvU64 ? Number(value.value) : 0;
}

/** Several counters at once, in the order of `keys`. */
export async function readCounters(
  kv: Pick<Kv, "getMany">,
  keys: readonly Key[],
): Promise<number[]> {
  const entries = await kv.getMany<unknown>(keys);
  return entries.map((entry) => countOf(entry?.value));
}
