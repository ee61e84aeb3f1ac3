/**
 * Conditional requests (RFC 9110, section 13.1.2).
 *
 * @module
 */

import { createHash } from "node:crypto";

/** The entity tag of a generated response, in quotes. */
export function etagOf(body: string | Uint8Array): string {
  const hash = createHash("sha256").update(body).digest("base64url");
  return `"${hash.slice(0, 22)}"`;
}

/** Whether an `If-None-Match` header contains `etag` (in quotes, weak or not) or `*`. */
export function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  const opaque = (tag: string) => tag.trim().replace(/^W\//, "");
  return header.trim() === "*" ||
    header.split(",").some((tag) => opaque(tag) === opaque(etag));
}
