/**
 * Matrix/TRC profiles (ICC.1:2022: Display P3, Adobe RGB and the like) in a
 * form that the pixel kernel can apply. LUT, gray and CMYK profiles are
 * ignored.
 *
 * @module
 */

import { ByteReader } from "./byte_reader.ts";

/** Transform from 8-bit RGB to linear sRGB light. */
export interface ColourTransform {
  /** Three tables of 256 floats: from a sample to linear light, red first. */
  readonly curves: Float32Array<ArrayBuffer>;
  /** 3 by 3, row by row: linear device RGB to linear sRGB. */
  readonly matrix: Float32Array<ArrayBuffer>;
}

/** Steps of {@linkcode srgbEncoding}. */
export const SRGB_STEPS = 4096;

/** Maximum tags read. */
const MAX_TAGS = 100;
const HEADER_BYTES = 128;
/** Smaller differences are rounding errors: at most half a step of 8 bits. */
const SAME_PRIMARY = 0.01;
const SAME_CURVE = 0.004;

/** CIE XYZ under D50 to linear sRGB, chromatically adapted. */
const XYZ_TO_SRGB = [
  [3.1338561, -1.6168667, -0.4906146],
  [-0.9787684, 1.9161415, 0.033454],
  [0.0719453, -0.2289914, 1.4052427],
] as const;

type Triple = readonly [number, number, number];

interface Tag {
  readonly offset: number;
  readonly length: number;
}

/** Linear light, 0 to 1 in {@linkcode SRGB_STEPS} steps, to 8-bit sRGB. */
export function srgbEncoding(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: SRGB_STEPS + 1 }, (_, i) => {
    const x = i / SRGB_STEPS;
    const y = x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055;
    return Math.round(255 * y);
  });
}

const srgbDecode = (x: number) =>
  x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;

/**
 * Reads a profile. Undefined when there is nothing to do: the profile is sRGB,
 * or not a complete matrix/TRC profile for RGB. Never throws.
 */
export function colourTransform(
  profile: Uint8Array,
): ColourTransform | undefined {
  const b = new ByteReader(profile);
  if (b.length < HEADER_BYTES + 4) return undefined;
  if (!b.has("RGB ", 16) || !b.has("XYZ ", 20)) return undefined;

  const tags = readTags(b);
  const r = readXyz(b, tags.get("rXYZ"));
  const g = readXyz(b, tags.get("gXYZ"));
  const blue = readXyz(b, tags.get("bXYZ"));
  const red = readCurve(b, tags.get("rTRC"));
  const green = readCurve(b, tags.get("gTRC"));
  const last = readCurve(b, tags.get("bTRC"));
  if (r === undefined || g === undefined || blue === undefined) {
    return undefined;
  }
  if (red === undefined || green === undefined || last === undefined) {
    return undefined;
  }
  const matrix = XYZ_TO_SRGB.flatMap((row) =>
    [r, g, blue].map((p) => row[0] * p[0] + row[1] * p[1] + row[2] * p[2])
  );
  const curves = [...red, ...green, ...last];
  if (![...matrix, ...curves].every(Number.isFinite)) return undefined;
  if (isIdentity(matrix) && isSrgbCurve(curves)) return undefined;
  return {
    curves: Float32Array.from(curves),
    matrix: Float32Array.from(matrix),
  };
}

const isIdentity = (matrix: readonly number[]) =>
  matrix.every((x, i) => Math.abs(x - (i % 4 === 0 ? 1 : 0)) < SAME_PRIMARY);

const isSrgbCurve = (curves: readonly number[]) =>
  curves.every((y, i) =>
    Math.abs(y - srgbDecode((i % 256) / 255)) < SAME_CURVE
  );

/** The tag table, without tags that extend beyond the profile. */
function readTags(b: ByteReader): Map<string, Tag> {
  const tags = new Map<string, Tag>();
  const count = Math.min(b.be32(HEADER_BYTES), MAX_TAGS);
  for (let i = 0; i < count; i++) {
    const entry = HEADER_BYTES + 4 + i * 12;
    const name = new TextDecoder("latin1").decode(b.slice(entry, entry + 4));
    const offset = b.be32(entry + 4);
    const length = b.be32(entry + 8);
    if (length >= 8 && offset + length <= b.length) {
      tags.set(name, { offset, length });
    }
  }
  return tags;
}

/** A signed 16.16 fixed-point number. */
const fixed = (b: ByteReader, offset: number) => (b.be32(offset) | 0) / 65536;

/** An `XYZ ` tag. */
function readXyz(b: ByteReader, tag: Tag | undefined): Triple | undefined {
  if (tag === undefined || tag.length < 20) return undefined;
  const at = tag.offset + 8;
  return [fixed(b, at), fixed(b, at + 4), fixed(b, at + 8)];
}

/** A `curv` or `para` tag as a table from 8-bit samples to linear light. */
function readCurve(b: ByteReader, tag: Tag | undefined): number[] | undefined {
  if (tag === undefined || tag.length < 12) return undefined;
  const curve = b.has("curv", tag.offset)
    ? sampledCurve(b, tag)
    : b.has("para", tag.offset)
    ? parametricCurve(b, tag)
    : undefined;
  if (curve === undefined) return undefined;
  return Array.from({ length: 256 }, (_, i) => curve(i / 255));
}

type Curve = (x: number) => number;

function sampledCurve(b: ByteReader, tag: Tag): Curve | undefined {
  const count = b.be32(tag.offset + 8);
  const samples = tag.offset + 12;
  if (count === 0) return (x) => x;
  if (12 + count * 2 > tag.length) return undefined;
  if (count === 1) { // a gamma in 8.8 fixed point
    const gamma = b.be16(samples) / 256;
    return (x) => x ** gamma;
  }
  return (x) => {
    const position = x * (count - 1);
    const k = Math.min(count - 2, Math.floor(position));
    const low = b.be16(samples + k * 2);
    const high = b.be16(samples + k * 2 + 2);
    return (low + (high - low) * (position - k)) / 65535;
  };
}

/** The five functions of ICC.1, section 10.18 (parametricCurveType). */
function parametricCurve(b: ByteReader, tag: Tag): Curve | undefined {
  const parameter = (i: number) =>
    16 + i * 4 <= tag.length ? fixed(b, tag.offset + 12 + i * 4) : 0;
  const g = parameter(0);
  const a = parameter(1);
  const offset = parameter(2);
  const c = parameter(3);
  const d = parameter(4);
  const power = (x: number) => Math.max(0, a * x + offset) ** g;
  switch (b.be16(tag.offset + 8)) {
    case 0:
      return (x) => x ** g;
    case 1:
      return (x) => x >= -offset / a ? power(x) : 0;
    case 2:
      return (x) => (x >= -offset / a ? power(x) : 0) + c;
    case 3:
      return (x) => x >= d ? power(x) : c * x;
    case 4:
      return (x) => x >= d ? power(x) + parameter(5) : c * x + parameter(6);
    default:
      return undefined;
  }
}
