/**
 * Entity tags (RFC 9110, section 8.8.3): bare inside of the program, in quotes
 * in headers.
 *
 * @module
 */

/** An ETag without the quotes that HTTP puts around it. */
export function bareEtag(etag: string): string {
  return etag.replace(/^"(.*)"$/, "$1");
}

/** A bare ETag as it stands in a header. */
export function quotedEtag(etag: string): string {
  return `"${etag}"`;
}
