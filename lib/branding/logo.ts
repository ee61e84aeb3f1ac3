/**
 * The logo of an operator: a small PNG, WebP or SVG file.
 *
 * @module
 */

import { createHash } from "node:crypto";

/** A logo that is served from here. */
export interface Logo {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Media type. */
  readonly type: `image/${string}`;
  /** Its path, which changes with its content. */
  readonly path: string;
  /** In pixels; undefined for an SVG. */
  readonly size: Size | undefined;
}

/** Width and height in pixels. */
interface Size {
  readonly width: number;
  readonly height: number;
}

/** Reads format and size of a picture from its head; undefined for what is none. */
export type PictureReader = (
  bytes: Uint8Array,
) => Size & { readonly format: string } | undefined;

/** Largest logo, in bytes: every visitor loads it, and every share picture has it in it. */
export const MAX_LOGO_BYTES = 102_400;

/** Longest side of a logo, in pixels. */
const MAX_SIDE = 2048;

/** The root element, behind an XML declaration and comments; a DOCTYPE could declare entities. */
const SVG = /^\uFEFF?\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*)*<svg[\s>]/s;

/** What runs, or loads something else. */
const ACTIVE =
  /<\s*(?:\w+:)?(script|foreignObject|iframe|image|use\s[^>]*href\s*=\s*["'](?!#))|\s(on\w+)\s*=|(javascript:|@import|url\(\s*["']?(?!#|["'])[a-z]+:)/i;

/**
 * Checks a file. Returns the logo, or what is wrong with the file, as a
 * sentence without its subject.
 */
export function logoOf(
  bytes: Uint8Array<ArrayBuffer>,
  read: PictureReader,
): Logo | string {
  if (bytes.length > MAX_LOGO_BYTES) {
    return `has ${bytes.length} bytes; a logo has at most ${MAX_LOGO_BYTES}`;
  }
  const picture = read(bytes);
  if (picture === undefined) return svgLogo(bytes);
  const { format, width, height } = picture;
  if (format !== "png" && format !== "webp") {
    return `is of the format ${format}; a logo is a PNG, WebP or SVG`;
  }
  if (Math.max(width, height) > MAX_SIDE) {
    return `has ${width} times ${height} pixels; a logo has at most ` +
      `${MAX_SIDE} on each side`;
  }
  return made(bytes, format, { width, height });
}

function svgLogo(bytes: Uint8Array<ArrayBuffer>): Logo | string {
  const text = new TextDecoder().decode(bytes);
  if (!SVG.test(text)) return "is neither a PNG, nor a WebP, nor an SVG";
  const [, element, attribute, reference] = ACTIVE.exec(text) ?? [];
  const active = element ?? attribute ?? reference;
  if (active !== undefined) {
    return `has “${active.slice(0, 20)}” in it; a logo has no scripts, and ` +
      "loads nothing from elsewhere";
  }
  return made(bytes, "svg", undefined);
}

function made(
  bytes: Uint8Array<ArrayBuffer>,
  format: "png" | "webp" | "svg",
  size: Size | undefined,
): Logo {
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 8);
  return {
    bytes,
    type: format === "svg" ? "image/svg+xml" : `image/${format}`,
    path: `/static/logo-${hash.toUpperCase()}.${format}`,
    size,
  };
}
