/**
 * Conditional requests (RFC 9110, section 13.1.2).
 *
 * @module
 */

/** Whether an `If-None-Match` header names `etag` (with its quotes) or anything at all. */
export function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.trim() === "*" ||
    header.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}
