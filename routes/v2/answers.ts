/**
 * Answers of the OCI API that several resources share.
 *
 * @module
 */

import { quotedEtag } from "../../lib/etag.ts";
import type { Digest } from "../../lib/oci/digest.ts";

/** Content that is named by its digest never changes. */
const IMMUTABLE = "max-age=31536000, immutable";

/** An answer without a body. The empty string keeps `Content-Length: 0`, where null would become chunked. */
export function empty(status: number, headers: HeadersInit = {}): Response {
  const body = status === 204 || status === 304 ? null : "";
  const response = new Response(body, { status, headers });
  const typed = new Headers(headers).has("content-type");
  if (!typed) response.headers.delete("content-type");
  return response;
}

/** A JSON answer without charset, as clients compare media types to the letter. */
export function json(
  value: unknown,
  headers: Record<string, string> = {},
): Response {
  return new Response(JSON.stringify(value), {
    headers: { "content-type": "application/json", ...headers },
  });
}

/** Characters of a warning that are sent; all of an answer's together may take 4,096 bytes. */
const MAX_WARNING = 1_000;

/** The header for people at the client (distribution-spec, "Warnings"); none without `text`. */
export function warning(text: string | undefined): Record<string, string> {
  if (text === undefined) return {};
  const plain = text.slice(0, MAX_WARNING).replace(/[^\x20-\x7e]/g, "?");
  return { warning: `299 - "${plain.replace(/["\\]/g, "\\$&")}"` };
}

/** Headers that say which content this is. `pinned` content was asked for by digest. */
export function contentHeaders(
  digest: Digest,
  options: { pinned: boolean; open: boolean },
): Record<string, string> {
  const scope = options.open ? "public" : "private";
  return {
    "docker-content-digest": digest,
    etag: quotedEtag(digest),
    "cache-control": options.pinned ? `${scope}, ${IMMUTABLE}` : "no-cache",
  };
}

/** The answer to who already has the content; `headers` are those of the 200. */
export function notModified(headers: Record<string, string>): Response {
  const { "content-length": _, ...rest } = headers;
  return empty(304, rest);
}

/** Whether the client already has the content with this digest (RFC 9110, If-None-Match). */
export function isNotModified(request: Request, digest: Digest): boolean {
  const header = request.headers.get("if-none-match");
  if (header === null) return false;
  return header.split(",", 100).some((tag) => {
    const bare = tag.trim().replace(/^W\//, "");
    return bare === "*" || bare === quotedEtag(digest);
  });
}
