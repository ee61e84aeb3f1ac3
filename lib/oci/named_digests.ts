/**
 * Finds all digests in a manifest, in any field. Clients use fields that a
 * registry does not know, and content referenced there must not be deleted.
 *
 * @module
 */

import { type Digest, isDigest } from "./digest.ts";

const DIGEST = /sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})(?![0-9a-f])/g;

/** Maximum depth of nested embedded content. */
const MAX_EMBEDDED = 4;

/** A value to search; `depth` counts the embedded contents around it. */
type Found = readonly [value: unknown, depth: number];

/**
 * Returns every digest in `bytes`, a manifest or index: in any field, in
 * annotations, in field names, and in content that a descriptor embeds (`data`;
 * image-spec, "Embedded Content"). Bytes that are not JSON are searched as
 * text.
 */
export function namedDigests(bytes: Uint8Array): Set<Digest> {
  const found = new Set<Digest>();
  const stack: Found[] = [[contentOf(bytes), 0]];
  for (let next = stack.pop(); next; next = stack.pop()) {
    const [value, depth] = next;
    if (typeof value === "string") addAll(found, value);
    if (typeof value !== "object" || value === null) continue;
    for (const [name, field] of Object.entries(value)) {
      addAll(found, name);
      stack.push([field, depth]);
      if (name !== "data" || typeof field !== "string") continue;
      const content = depth < MAX_EMBEDDED ? embedded(field) : undefined;
      if (content !== undefined) stack.push([content, depth + 1]);
    }
  }
  return found;
}

function addAll(found: Set<Digest>, text: string): void {
  if (!text.includes("sha")) return;
  for (const [match] of text.matchAll(DIGEST)) {
    if (isDigest(match)) found.add(match);
  }
}

function contentOf(bytes: Uint8Array): unknown {
  const text = new TextDecoder().decode(bytes);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function embedded(data: string): unknown {
  try {
    return contentOf(Uint8Array.fromBase64(data));
  } catch {
    return undefined; // some other field of that name
  }
}
