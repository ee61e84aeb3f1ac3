/**
 * Colours by code points (ITU-T H.273), as the cICP chunk of PNG and the nclx
 * property of AVIF have them.
 *
 * @module
 */

import {
  type ColourTransform,
  isSrgb,
  srgbDecode,
  toSrgb,
  type Xyz,
} from "./colour_transform.ts";

/** Code points of an image. */
export interface Cicp {
  readonly primaries: number;
  readonly transfer: number;
}

/** Primaries as XYZ, adapted from D65 to D50. */
const PRIMARIES: Readonly<Record<number, readonly [Xyz, Xyz, Xyz]>> = {
  9: [ // BT.2020
    [0.6734241, 0.2790177, -0.0019300],
    [0.1656411, 0.6753402, 0.0299784],
    [0.1250860, 0.0456377, 0.7969220],
  ],
  12: [ // Display P3
    [0.5151187, 0.2411892, -0.0010505],
    [0.2919778, 0.6922441, 0.0418791],
    [0.1571035, 0.0665668, 0.7840713],
  ],
};
const SRGB_PRIMARIES: readonly [Xyz, Xyz, Xyz] = [
  [0.4360747, 0.2225045, 0.0139322],
  [0.3850649, 0.7168786, 0.0971045],
  [0.1430804, 0.0606169, 0.7141733],
];
/** Linear light, gammas 2.2 and 2.8; the curves of video count as that of sRGB, as in browsers. */
const TRANSFERS: Readonly<Record<number, (x: number) => number>> = {
  4: (x) => x ** 2.2,
  5: (x) => x ** 2.8,
  8: (x) => x,
  16: perceptualQuantizer,
  18: hybridLogGamma,
};
/** Luminance of white, in candela per square metre (ITU-R BT.2408). */
const WHITE = 203;
const HLG_PEAK = 1000;

/** The transform to sRGB; undefined when the colours are those of sRGB. */
export function cicpTransform(
  { primaries, transfer }: Cicp,
): ColourTransform | undefined {
  const decode = TRANSFERS[transfer] ?? srgbDecode;
  const curve = Array.from({ length: 256 }, (_, i) => decode(i / 255));
  const transform = toSrgb(
    PRIMARIES[primaries] ?? SRGB_PRIMARIES,
    [...curve, ...curve, ...curve],
  );
  return isSrgb(transform) ? undefined : transform;
}

/** SMPTE ST 2084; brighter than white is cut off. */
function perceptualQuantizer(x: number): number {
  const power = x ** (1 / 78.84375);
  const light = Math.max(0, power - 0.8359375) /
    (18.8515625 - 18.6875 * power);
  return Math.min(1, light ** (1 / 0.1593017578125) * 10_000 / WHITE);
}

/** ARIB STD-B67 on a display of 1,000 candela; brighter than white is cut off. */
function hybridLogGamma(x: number): number {
  const scene = x <= 0.5
    ? x * x / 3
    : (Math.exp((x - 0.55991073) / 0.17883277) + 0.28466892) / 12;
  return Math.min(1, scene ** 1.2 * HLG_PEAK / WHITE);
}
