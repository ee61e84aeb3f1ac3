/**
 * Responses of the OCI API shared by several resources.
 *
 * @module
 */

import { quotedEtag } from "../../lib/etag.ts";
import type { Digest } from "../../lib/oci/digest.ts";

/** Content addressed by its digest never changes. */
const IMMUTABLE = "max-age=31536000, immutable";

/**
 * A response without a body. The empty string gives `Content-Length: 0`, where
 * null would become chunked.
 */
export function empty(status: number, headers: HeadersInit = {}): Response {
  const body = status === 204 || status === 304 ? null : "";
  const response = new Response(body, { status, headers });
  const typed = new Headers(headers).has("content-type");
  if (!typed) response.headers.delete("content-type");
  return response;
}

/** A JSON response without charset, because clients compare media types exactly. */
export function json(
  value: unknown,
  headers: Record<string, string> = {},
): Response {
  return new Response(JSON.stringify(value), {
    headers: { "content-type": "application/json", ...headers },
  });
}

/** Maximum characters of a warning; all of a response together may have 4,096 bytes. */
const MAX_WARNING = 1_000;

/** The header with a message for the user (distribution-spec, "Warnings"); none without `text`. */
export function warning(text: string | undefined): Record<string, string> {
  if (text === undefined) return {};
  const plain = text.slice(0, MAX_WARNING).replace(/[^\x20-\x7e]/g, "?");
  return { warning: `299 - "${plain.replace(/["\\]/g, "\\$&")}"` };
}

/** Headers that identify the content. `pinned` content was requested by digest. */
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

/** The response to a client that already has the content; `headers` are those of the 200. */
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
