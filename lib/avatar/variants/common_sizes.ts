/**
 * Variants that are always available: those that most pages use, few enough
 * that all of them together are small.
 *
 * @module
 */

import type { RenderRequest } from "../image/render.ts";
import { DEFAULT_QUALITY } from "../parameters.ts";

/** Widths in pixels, unless `avatar.allowed_sizes` is set. */
const COMMON_SIDES: readonly number[] = [
  ...[16, 20, 24, 28, 32, 36, 40, 44, 48, 50, 56, 60, 64, 72, 80, 96],
  ...[100, 120, 128, 144, 150, 160, 180, 192, 200, 240, 250, 256],
  ...[300, 320, 360, 400, 480, 500, 512, 600, 640, 800, 1000, 1024],
];

/** Maximum side in pixels, times density; PNG is larger. */
const MAX_PIXELS = { webp: 1024, jpg: 1024, png: 512 } as const;

const COMMON_DENSITIES: readonly number[] = [1, 2, 3];

/** How a variant is counted. */
export type SizeClass = "plain" | "common" | "other";

/**
 * `plain`: the whole picture in one of the formats; `common`: a square or a
 * width of a common size; both with the default quality.
 */
export function sizeClassOf(
  request: RenderRequest,
  allowedSizes: readonly number[],
): SizeClass {
  const { width, height, fit, density, enlarge, quality, format } = request;
  if (quality !== DEFAULT_QUALITY || fit !== "cover" || enlarge) return "other";
  if (width === undefined) return height === undefined ? "plain" : "other";
  if (height !== undefined && height !== width) return "other";
  const sides = allowedSizes.length > 0 ? allowedSizes : COMMON_SIDES;
  const isCommon = sides.includes(width) &&
    COMMON_DENSITIES.includes(density) &&
    width * density <= MAX_PIXELS[format];
  return isCommon ? "common" : "other";
}
