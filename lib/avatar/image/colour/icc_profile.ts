/**
 * ICC profiles (ICC.1:2022) by how they are applied: matrix and gray profiles
 * (Display P3, Adobe RGB and the like) in a form that the pixel kernel can
 * apply, and those with tables by Little CMS.
 *
 * @module
 */

import { ByteReader } from "../byte_reader.ts";
import { type ColourTransform, isSrgb, toSrgb } from "./colour_transform.ts";
import type { ColourSpace } from "../info.ts";

/** Maximum tags read. */
const MAX_TAGS = 100;
const HEADER_BYTES = 128;
/** Data colour space of a profile, in its header. */
const SIGNATURES: Readonly<Record<ColourSpace, string>> = {
  gray: "GRAY",
  rgb: "RGB ",
  cmyk: "CMYK",
};
/** Classes of profiles that describe the colours of an image. */
const CLASSES = ["scnr", "mntr", "prtr", "spac"];

interface Tag {
  readonly offset: number;
  readonly length: number;
}

/** How a profile is applied. */
export type ProfileUse =
  /** It is sRGB, for another kind of pixels, or broken. */
  | { readonly kind: "none" }
  | { readonly kind: "transform"; readonly transform: ColourTransform }
  /** Tables of colours, for Little CMS. */
  | { readonly kind: "tables" };

const NONE = { kind: "none" } as const;

/** Reads a profile for pixels of `colours`. Never throws. */
export function profileUse(
  profile: Uint8Array,
  colours: ColourSpace,
): ProfileUse {
  const b = new ByteReader(profile);
  if (b.length < HEADER_BYTES + 4 || !b.has("acsp", 36)) return NONE;
  if (!b.has(SIGNATURES[colours], 16)) return NONE;
  if (!CLASSES.some((name) => b.has(name, 12))) return NONE;
  const tags = readTags(b);
  if (colours === "gray") return grayUse(b, tags);
  if (tags.has("A2B0")) return { kind: "tables" };
  return colours === "rgb" ? matrixUse(b, tags) : NONE;
}

function matrixUse(b: ByteReader, tags: ReadonlyMap<string, Tag>): ProfileUse {
  if (!b.has("XYZ ", 20)) return NONE;
  const primaries = ["rXYZ", "gXYZ", "bXYZ"].map((name) =>
    readXyz(b, tags.get(name))
  );
  const curves = ["rTRC", "gTRC", "bTRC"].map((name) =>
    readCurve(b, tags.get(name))
  );
  const [red, green, blue] = primaries;
  const known = curves.filter((curve) => curve !== undefined);
  if (!red || !green || !blue || known.length < 3) return NONE;
  return use(toSrgb([red, green, blue], known.flat()));
}

function grayUse(b: ByteReader, tags: ReadonlyMap<string, Tag>): ProfileUse {
  const curve = readCurve(b, tags.get("kTRC"));
  if (curve === undefined || !b.has("XYZ ", 20)) return NONE;
  return use({
    curves: Float32Array.from([...curve, ...curve, ...curve]),
    matrix: Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
  });
}

function use(transform: ColourTransform): ProfileUse {
  const { matrix, curves } = transform;
  const isSane = [...matrix, ...curves].every(Number.isFinite);
  return isSane && !isSrgb(transform) ? { kind: "transform", transform } : NONE;
}

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
function readXyz(
  b: ByteReader,
  tag: Tag | undefined,
): readonly [number, number, number] | undefined {
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
