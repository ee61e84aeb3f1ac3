/**
 * Extracts the colours that an image declares: code points and ICC profile.
 *
 * @module
 */

import { inflateSync } from "node:zlib";
import { joinBytes } from "../../../bytes.ts";
import { readAvif } from "../decode/avif/avif_image.ts";
import { ByteReader } from "../byte_reader.ts";
import type { Cicp } from "./cicp.ts";
import type { ImageInfo } from "../info.ts";
import { PNG_FIRST_CHUNK } from "../sniff/sniff_png.ts";
import { webpChunks } from "../decode/webp_chunks.ts";

/** Maximum size of a profile. */
const MAX_PROFILE_BYTES = 1 << 20;
/** Compression method, after the name of an iCCP chunk and its zero byte. */
const ICCP_METHOD_BYTES = 2;

/**
 * The profile embedded in a JPEG, PNG, WebP or AVIF. Undefined when there is
 * none or it cannot be read: a malformed profile never fails a picture.
 */
export function extractIcc(
  bytes: Uint8Array,
  info: ImageInfo,
): Uint8Array | undefined {
  if (!info.icc) return undefined;
  const b = new ByteReader(bytes);
  if (info.format === "jpeg") return fromJpeg(b);
  if (info.format === "png") return fromPng(b);
  if (info.format === "webp") return fromWebp(b);
  if (info.format === "avif") return fromAvif(b);
  return undefined;
}

/**
 * The code points of a PNG (cICP) or AVIF (nclx); undefined where there are
 * none, or where a profile counts instead.
 */
export function extractCicp(
  bytes: Uint8Array,
  info: ImageInfo,
): Cicp | undefined {
  const b = new ByteReader(bytes);
  if (info.format === "avif") {
    const image = readAvif(b);
    return image?.profile === undefined ? image?.cicp : undefined;
  }
  if (info.format !== "png") return undefined;
  for (let o = PNG_FIRST_CHUNK; o + 12 <= b.length; o += 12 + b.be32(o)) {
    if (b.has("IDAT", o + 4)) return undefined;
    // The chunk counts only if its colours are RGB of the full range.
    if (b.has("cICP", o + 4) && b.u8(o + 10) === 0 && b.u8(o + 11) === 1) {
      return { primaries: b.u8(o + 8), transfer: b.u8(o + 9) };
    }
  }
  return undefined;
}

/** Joins the numbered APP2 parts before the first scan. */
function fromJpeg(b: ByteReader): Uint8Array | undefined {
  const parts: Uint8Array[] = [];
  for (let o = 2; o + 4 < b.length && b.u8(o) === 0xff;) {
    const marker = b.u8(o + 1);
    if (marker === 0xda) break;
    const length = b.be16(o + 2);
    if (length < 2) break;
    if (marker === 0xe2 && length > 16 && b.has("ICC_PROFILE\0", o + 4)) {
      const number = b.u8(o + 16);
      parts[number] ??= b.slice(o + 18, o + 2 + length);
    }
    o += 2 + length;
  }
  const present = parts.filter((part) => part !== undefined);
  const size = present.reduce((sum, part) => sum + part.length, 0);
  if (size === 0 || size > MAX_PROFILE_BYTES) return undefined;
  return joinBytes(present);
}

/** Inflates the iCCP chunk, which must precede the image data. */
function fromPng(b: ByteReader): Uint8Array | undefined {
  for (let o = PNG_FIRST_CHUNK; o + 12 <= b.length;) {
    const length = b.be32(o);
    if (b.has("IDAT", o + 4)) return undefined;
    if (b.has("iCCP", o + 4)) {
      const nameEnd = b.indexOf(0, o + 8);
      if (nameEnd < 0) return undefined;
      const data = b.slice(nameEnd + ICCP_METHOD_BYTES, o + 8 + length);
      try {
        return inflateSync(data, { maxOutputLength: MAX_PROFILE_BYTES });
      } catch {
        return undefined; // corrupt or oversized: the picture is rendered without it
      }
    }
    o += 12 + length;
  }
  return undefined;
}

function fromWebp(b: ByteReader): Uint8Array | undefined {
  for (const { name, start, end } of webpChunks(b, 12, b.length)) {
    if (name !== "ICCP") continue;
    return end - start <= MAX_PROFILE_BYTES ? b.slice(start, end) : undefined;
  }
  return undefined;
}

/** The `colr` property of the image item. */
function fromAvif(b: ByteReader): Uint8Array | undefined {
  const profile = readAvif(b)?.profile;
  if (profile === undefined) return undefined;
  return profile.length <= MAX_PROFILE_BYTES ? profile : undefined;
}
