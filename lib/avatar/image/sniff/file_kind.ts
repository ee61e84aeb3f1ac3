/**
 * Names what a refused file is, for the person who uploaded it.
 *
 * @module
 */

import { ByteReader } from "../byte_reader.ts";

/** Kinds by their first bytes, as text in Latin-1 at an offset. */
const SIGNATURES: readonly (readonly [string, number, string])[] = [
  ["\x00\x00\x00\x0cJXL ", 0, "JPEG XL"],
  ["\xff\x0a", 0, "JPEG XL"],
  ["\x00\x00\x00\x0cjP  ", 0, "JPEG 2000"],
  ["\xff\x4f\xff\x51", 0, "JPEG 2000"],
  ["BM", 0, "BMP"],
  ["II*\0", 0, "TIFF or a raw photo"],
  ["MM\0*", 0, "TIFF or a raw photo"],
  ["\0\0\x01\0", 0, "an icon (ICO)"],
  ["8BPS", 0, "a Photoshop document"],
  ["%PDF-", 0, "PDF"],
  ["qoif", 0, "QOI"],
  ["\x1a\x45\xdf\xa3", 0, "a WebM or Matroska video"],
  ["PK\x03\x04", 0, "a ZIP archive"],
  ["\x1f\x8b", 0, "a gzip archive"],
];

/** Brands of files in boxes (ISO/IEC 14496-12), at offset 8. */
const BRANDS: readonly (readonly [RegExp, string])[] = [
  [/^(heic|heix|heim|heis|hevc|hevx|mif1|msf1)$/, "HEIC"],
  [/^(mp4.|isom|iso\d|avc1|M4V |qt {2}|3gp.|dash)$/, "a video"],
];

/** Formats that are accepted, but not in every coding. */
const HALF_KNOWN: readonly (readonly [string, number, string])[] = [
  [
    "\xff\xd8\xff",
    0,
    "JPEG, but cut off before its pixels, broken, or in a coding that browsers do not show either (12 bits, lossless, hierarchical)",
  ],
  ["\x89PNG\r\n\x1a\n", 0, "PNG, but cut off before its pixels or broken"],
  ["GIF8", 0, "GIF, but cut off before its pixels or broken"],
  ["WEBP", 8, "WebP, but cut off before its pixels or broken"],
  ["ftypavis", 4, "an animated AVIF"],
  ["ftypavif", 4, "AVIF, but cut off, broken, or not a single still image"],
];

/** Longest text that is searched for a mark-up language. */
const HEAD_BYTES = 1024;

/** What `bytes` are, for a sentence that begins with "The file is". */
export function fileKind(bytes: Uint8Array): string {
  if (bytes.length === 0) return "empty";
  const b = new ByteReader(bytes);
  for (const [text, offset, kind] of [...HALF_KNOWN, ...SIGNATURES]) {
    if (b.has(text, offset)) return kind;
  }
  if (b.has("ftyp", 4)) return boxKind(b);
  return markupKind(bytes) ?? "not an image that is known here";
}

/** The kind of a file in boxes. */
function boxKind(b: ByteReader): string {
  const brand = String.fromCharCode(...b.slice(8, 12));
  const known = BRANDS.find(([pattern]) => pattern.test(brand));
  return known?.[1] ?? "neither AVIF nor another known image";
}

/** The kind of a text file; undefined for other bytes. */
function markupKind(bytes: Uint8Array): string | undefined {
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, HEAD_BYTES));
  if (/<svg[\s>]/i.test(head)) return "SVG";
  if (/^\s*(\xef\xbb\xbf)?\s*<(!doctype html|html)[\s>]/i.test(head)) {
    return "a web page (HTML)";
  }
  return /^[\t\n\r\x20-\x7e]*$/.test(head) ? "text" : undefined;
}
