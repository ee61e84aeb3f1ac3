/**
 * Rows of the index as text, for tests.
 *
 * @module
 */

import type { KeyPart, Kv } from "../kv/kv.ts";

/** Rows that only bound or guard what comes from the network. */
const PASSING = new Set<unknown>(["bound", "gone"]);

/**
 * Lines `key value` below `prefix`, in the order of the text; without what
 * passes by itself and the revisions, which a listing does not know.
 */
export async function rowsBelow(
  kv: Kv,
  prefix: readonly KeyPart[],
): Promise<string[]> {
  const lines: string[] = [];
  for await (const { key, value } of kv.list({ prefix })) {
    if (prefix[0] === "index" && PASSING.has(key[2])) continue;
    // A counter that is back at zero says as much as none.
    if (value instanceof Deno.KvU64 && value.value === 0n) continue;
    lines.push(
      `${key.slice(prefix.length).map(part).join(" ")} ${text(value)}`,
    );
  }
  return lines.sort();
}

function part(value: KeyPart): string {
  return value instanceof Uint8Array ? value.toHex() : String(value);
}

function text(value: unknown): string {
  if (value instanceof Deno.KvU64) return String(value.value);
  return JSON.stringify(value, (key, inner) => {
    if (key === "rev") return undefined;
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) {
      return inner;
    }
    return Object.fromEntries(
      Object.entries(inner).sort(([a], [b]) => a < b ? -1 : 1),
    );
  });
}
