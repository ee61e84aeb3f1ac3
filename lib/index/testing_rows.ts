/**
 * Rows of the index as text, for tests.
 *
 * @module
 */

import type { KeyPart, Kv } from "../kv/kv.ts";

/** Rows that only bound or guard what comes from the network. */
const PASSING = new Set<unknown>(["bound", "gone"]);

/** What rows have that stand for more than a record that is gone; those pass as well. */
const PRESENT: Readonly<Record<string, string>> = {
  star_record: "star",
  page: "page",
};

/**
 * Lines `key value` below `prefix`, in the order of the text; without what
 * passes by itself, and without revisions and times of seeing, which a listing
 * does not know.
 */
export async function rowsBelow(
  kv: Kv,
  prefix: readonly KeyPart[],
): Promise<string[]> {
  const lines: string[] = [];
  for await (const { key, value } of kv.list({ prefix })) {
    if (prefix[0] === "index" && isPassing(key[2], value)) continue;
    // A counter that is back at zero says as much as none.
    if (value instanceof Deno.KvU64 && value.value === 0n) continue;
    lines.push(
      `${key.slice(prefix.length).map(part).join(" ")} ${text(value)}`,
    );
  }
  return lines.sort();
}

function isPassing(kind: unknown, value: unknown): boolean {
  const field = PRESENT[String(kind)];
  return PASSING.has(kind) ||
    field !== undefined && !Object.hasOwn(Object(value), field);
}

function part(value: KeyPart): string {
  return value instanceof Uint8Array ? value.toHex() : String(value);
}

function text(value: unknown): string {
  if (value instanceof Deno.KvU64) return String(value.value);
  return JSON.stringify(value, (key, inner) => {
    if (key === "rev" || key === "seenAt") return undefined;
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) {
      return inner;
    }
    return Object.fromEntries(
      Object.entries(inner).sort(([a], [b]) => a < b ? -1 : 1),
    );
  });
}
