/**
 * Texts and pictures that images name by URL.
 *
 * @module
 */

import {
  MAX_PAGE_BYTES,
  MAX_PAGE_PICTURE_BYTES,
  type PAGE_PICTURE_TYPES,
} from "../../atproto/records/page_record.ts";
import type { GuardedFetch } from "../../net/guarded_fetch.ts";

/** A picture that a page may have. */
export interface PagePicture {
  readonly bytes: Uint8Array;
  readonly mimeType: (typeof PAGE_PICTURE_TYPES)[number];
}

/**
 * The Markdown text at `url`, cut at the end of a line where it is too long
 * for a page; undefined where there is no text. Throws what the guarded fetch
 * throws.
 */
export async function fetchText(
  fetch: GuardedFetch,
  url: URL,
  signal: AbortSignal,
): Promise<string | undefined> {
  const bytes = await fetchBytes(fetch, url, 10 * MAX_PAGE_BYTES, signal);
  if (!bytes || bytes.includes(0)) return undefined;
  return cutText(new TextDecoder().decode(bytes).trim()) || undefined;
}

/** The picture at `url`; undefined where there is none of a type that a page may have. */
export async function fetchPicture(
  fetch: GuardedFetch,
  url: URL,
  signal: AbortSignal,
): Promise<PagePicture | undefined> {
  const bytes = await fetchBytes(fetch, url, MAX_PAGE_PICTURE_BYTES, signal);
  const mimeType = bytes && pictureType(bytes);
  return mimeType && { bytes, mimeType };
}

/** The type of a picture by its first bytes; undefined for others than a page may have. */
export function pictureType(
  bytes: Uint8Array,
): PagePicture["mimeType"] | undefined {
  const head = String.fromCharCode(...bytes.subarray(0, 12));
  if (head.startsWith("\x89PNG\r\n\x1a\n")) return "image/png";
  if (head.startsWith("\xff\xd8\xff")) return "image/jpeg";
  const isWebp = head.startsWith("RIFF") && head.slice(8) === "WEBP";
  return isWebp ? "image/webp" : undefined;
}

async function fetchBytes(
  fetch: GuardedFetch,
  url: URL,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const response = await fetch(url, { maxBytes, signal });
  if (response.ok) return new Uint8Array(await response.arrayBuffer());
  await response.body?.cancel();
  return undefined;
}

/** The longest beginning of `text` that a page may have. */
function cutText(text: string): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= MAX_PAGE_BYTES) return text;
  // The last character may be cut through; its line is left out anyway.
  const most = new TextDecoder().decode(bytes.subarray(0, MAX_PAGE_BYTES - 3));
  const end = most.lastIndexOf("\n");
  return end > 0 ? most.slice(0, end) : most.replace(/\ufffd$/, "");
}
