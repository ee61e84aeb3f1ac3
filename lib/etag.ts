/**
 * Entity tags (RFC 9110, section 8.8.3): without quotes in the program, with
 * quotes in headers.
 *
 * @module
 */

/** Removes the quotes that HTTP puts around an ETag. */
export function bareEtag(etag: string): string {
  return etag.replace(/^"(.*)"$/, "$1");
}

/** Quotes a bare ETag for a header. */
export function quotedEtag(etag: string): string {
  return `"${etag}"`;
}
