/**
 * The test images and their expected results.
 *
 * @module
 */

import { decodeWholePng } from "../../lib/avatar/image/decode/decode_png.ts";

const FOLDER = new URL("../fixtures/images/", import.meta.url);

/** Red, green, blue. */
export type Rgb = readonly [number, number, number];

/** One row of the manifest. */
export interface Fixture {
  readonly file: string;
  /** `ok`, `reject` or `ok|reject`, where either is right. */
  readonly expect: string;
  /** `quad`, `gray`, `fringe` or `none`. */
  readonly check: string;
  readonly format: string;
  /** Upright size in pixels. */
  readonly width?: number;
  readonly height?: number;
  readonly orientation?: number | string;
  readonly stored?: readonly [number, number];
  readonly frames?: number;
  readonly icc?: string;
  /** Largest difference of a channel. */
  readonly tol?: number;
  /** Alpha of the four quadrants. */
  readonly alphaQuad?: readonly number[];
}

interface Manifest {
  readonly quad: { TL: Rgb; TR: Rgb; BL: Rgb; BR: Rgb };
  readonly files: readonly Fixture[];
}

const manifest: Manifest = JSON.parse(
  Deno.readTextFileSync(new URL("manifest.json", FOLDER)),
);

/** All test images. */
export const fixtures: readonly Fixture[] = manifest.files;

/** Colours of the quadrants: top left, top right, bottom left, bottom right. */
export const quadrants: readonly Rgb[] = [
  manifest.quad.TL,
  manifest.quad.TR,
  manifest.quad.BL,
  manifest.quad.BR,
];

/** Formats and codings that are refused on purpose. */
export function isLeftOut({ file, format }: Fixture): boolean {
  return format === "tiff" || file === "jpeg/arithmetic.jpg";
}

/** Bytes of a test image. */
export function fixture(file: string): Uint8Array<ArrayBuffer> {
  return Deno.readFileSync(new URL(file, FOLDER));
}

/** RGBA pixels of a PNG, read by another decoder. */
export function pixelsOf(
  png: Uint8Array,
): { data: Uint8Array; width: number; height: number } {
  const image = decodeWholePng(png);
  const { width, height } = image;
  const data = image.data.slice();
  image.free();
  return { data, width, height };
}

/** The pixel at `x`, `y` as red, green, blue, alpha. */
export function pixelAt(
  image: { data: Uint8Array; width: number },
  x: number,
  y: number,
): number[] {
  const p = (Math.floor(y) * image.width + Math.floor(x)) * 4;
  return [...image.data.subarray(p, p + 4)];
}
