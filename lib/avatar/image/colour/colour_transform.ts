/**
 * Transforms from 8-bit samples to sRGB that the pixel kernel can apply.
 *
 * @module
 */

/** Transform from 8-bit RGB to linear sRGB light. */
export interface ColourTransform {
  /** Three tables of 256 floats: from a sample to linear light, red first. */
  readonly curves: Float32Array<ArrayBuffer>;
  /** 3 by 3, row by row: linear device RGB to linear sRGB. */
  readonly matrix: Float32Array<ArrayBuffer>;
}

/** CIE XYZ of a primary. */
export type Xyz = readonly [number, number, number];

/** Steps of {@linkcode srgbEncoding}. */
export const SRGB_STEPS = 4096;

/** Smaller differences are rounding errors: at most half a step of 8 bits. */
const SAME_PRIMARY = 0.01;
const SAME_CURVE = 0.004;

/** CIE XYZ under D50 to linear sRGB, chromatically adapted. */
const XYZ_TO_SRGB = [
  [3.1338561, -1.6168667, -0.4906146],
  [-0.9787684, 1.9161415, 0.033454],
  [0.0719453, -0.2289914, 1.4052427],
] as const;

/** Linear light, 0 to 1 in {@linkcode SRGB_STEPS} steps, to 8-bit sRGB. */
export function srgbEncoding(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: SRGB_STEPS + 1 }, (_, i) => {
    const x = i / SRGB_STEPS;
    const y = x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055;
    return Math.round(255 * y);
  });
}

/** Encoded sRGB, 0 to 1, to linear light. */
export const srgbDecode = (x: number) =>
  x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;

/** The transform of three primaries, as XYZ under D50, and three curves of 256 values. */
export function toSrgb(
  [red, green, blue]: readonly [Xyz, Xyz, Xyz],
  curves: readonly number[],
): ColourTransform {
  const matrix = XYZ_TO_SRGB.flatMap((row) =>
    [red, green, blue].map((p) => row[0] * p[0] + row[1] * p[1] + row[2] * p[2])
  );
  return {
    curves: Float32Array.from(curves),
    matrix: Float32Array.from(matrix),
  };
}

/** Whether a transform leaves all colours as they are. */
export function isSrgb({ matrix, curves }: ColourTransform): boolean {
  return matrix.every((x, i) =>
    Math.abs(x - (i % 4 === 0 ? 1 : 0)) < SAME_PRIMARY
  ) &&
    curves.every((y, i) =>
      Math.abs(y - srgbDecode((i % 256) / 255)) < SAME_CURVE
    );
}
