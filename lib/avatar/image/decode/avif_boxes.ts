/**
 * The items of an AVIF file (ISO/IEC 23008-12 and the AVIF specification), as
 * far as a still image needs them. Anything unusual is refused: the decoder
 * must not find a different image than the one measured here.
 *
 * @module
 */

import type { ByteReader } from "../byte_reader.ts";
import type { Cicp } from "../colour/cicp.ts";
import { asOrientation, type Orientation } from "../info.ts";

/** Data of one item in the file. */
export interface AvifItem {
  readonly id: number;
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

/** A still AVIF image. */
export interface AvifImage {
  readonly width: number;
  readonly height: number;
  readonly orientation: Orientation;
  /** Whether another item holds the alpha. */
  readonly alpha: boolean;
  /** Location of the ICC profile. */
  readonly profile: Pick<AvifItem, "start" | "end"> | undefined;
  /** Code points of its colours. */
  readonly cicp: Cicp | undefined;
  /** Every coded image of the file, the main one and its alpha included. */
  readonly coded: readonly AvifItem[];
}

interface Box {
  readonly type: string;
  /** First byte of the content. */
  readonly start: number;
  readonly end: number;
}

/** Maximum boxes on one level; a file with more is refused. */
const MAX_BOXES = 64;
/** Maximum items of a file; a still image has one to five. */
const MAX_ITEMS = 16;
/** Version and flags in front of the content of a full box. */
const FULL_BOX = 4;

/** EXIF orientation of a rotation by quarter turns counter-clockwise and an optional mirror (0 top to bottom, 1 left to right). */
const TURNED: readonly (readonly [number, number, number])[] = [
  [1, 4, 2],
  [8, 5, 7],
  [3, 2, 4],
  [6, 7, 5],
];

/** Reads the items; undefined when the file is not a plain still AVIF image. */
export function readAvif(b: ByteReader): AvifImage | undefined {
  const top = boxes(b, 0, b.length);
  const [file] = top ?? [];
  if (file?.type !== "ftyp" || !isStillBrand(b, file)) return undefined;
  const metas = top?.filter((box) => box.type === "meta") ?? [];
  const [meta] = metas;
  if (meta === undefined || metas.length > 1) return undefined;
  const children = boxes(b, meta.start + FULL_BOX, meta.end);
  const only = (type: string) => single(children, type);
  const locations = only("iloc");
  const infos = only("iinf");
  const properties = only("iprp");
  const primary = only("pitm");
  if (!locations || !infos || !properties || !primary) return undefined;

  const types = itemTypes(b, infos);
  const items = itemLocations(b, locations, types, only("idat"));
  if (items === undefined) return undefined;
  const wide = b.u8(primary.start) > 0;
  const id = b.be(primary.start + FULL_BOX, wide ? 4 : 2);
  if (types.get(id) !== "av01") return undefined;
  const coded = items.filter((item) => item.type === "av01");
  if (coded.length > 2 || items.length > MAX_ITEMS) return undefined;
  const shape = itemShape(b, properties, id);
  return shape && { ...shape, alpha: coded.length > 1, coded };
}

/** AVIF, but no image sequence. */
function isStillBrand(b: ByteReader, { start, end }: Box): boolean {
  if (b.has("avis", start)) return false;
  for (let o = start; o + 4 <= end; o += 4) {
    if (b.has("avif", o)) return true;
  }
  return false;
}

/** The boxes of one level, or undefined when they do not fill it. */
function boxes(b: ByteReader, start: number, end: number): Box[] | undefined {
  const found: Box[] = [];
  for (let o = start; o < end;) {
    if (o + 8 > end || found.length === MAX_BOXES) return undefined;
    const size = b.be32(o);
    const type = String.fromCharCode(
      b.u8(o + 4),
      b.u8(o + 5),
      b.u8(o + 6),
      b.u8(o + 7),
    );
    if (size === 0) { // reaches to the end
      found.push({ type, start: o + 8, end });
      break;
    }
    const wide = size === 1;
    const length = wide ? b.be(o + 8, 8) : size;
    const head = wide ? 16 : 8;
    if (length < head || o + length > end) return undefined;
    found.push({ type, start: o + head, end: o + length });
    o += length;
  }
  return found;
}

/** The box of a type that must not be repeated. */
function single(found: Box[] | undefined, type: string): Box | undefined {
  const matching = found?.filter((box) => box.type === type) ?? [];
  return matching.length === 1 ? matching[0] : undefined;
}

function itemTypes(b: ByteReader, infos: Box): Map<number, string> {
  const types = new Map<number, string>();
  const head = FULL_BOX + (b.u8(infos.start) > 0 ? 4 : 2);
  for (const box of boxes(b, infos.start + head, infos.end) ?? []) {
    if (box.type !== "infe") continue;
    const wide = b.u8(box.start) >= 3;
    const id = b.be(box.start + FULL_BOX, wide ? 4 : 2);
    const at = box.start + FULL_BOX + (wide ? 6 : 4);
    const type = String.fromCharCode(
      b.u8(at),
      b.u8(at + 1),
      b.u8(at + 2),
      b.u8(at + 3),
    );
    types.set(id, types.has(id) ? "" : type);
  }
  return types;
}

/** Locations of items (`iloc`); undefined when one is fragmented or outside the file. */
function itemLocations(
  b: ByteReader,
  { start, end }: Box,
  types: ReadonlyMap<number, string>,
  inline: Box | undefined,
): AvifItem[] | undefined {
  const version = b.u8(start);
  const sizes = b.be16(start + FULL_BOX);
  const offsetSize = sizes >> 12;
  const lengthSize = (sizes >> 8) & 15;
  const baseSize = (sizes >> 4) & 15;
  const indexSize = version > 0 ? sizes & 15 : 0;
  const idSize = version < 2 ? 2 : 4;
  let o = start + FULL_BOX + 2;
  const take = (bytes: number) => {
    const value = b.be(o, bytes);
    o += bytes;
    return value;
  };
  const count = take(idSize);
  if (version > 2 || count > MAX_ITEMS) return undefined;

  const items: AvifItem[] = [];
  for (let i = 0; i < count && o < end; i++) {
    const id = take(idSize);
    const method = version > 0 ? take(2) & 15 : 0;
    const elsewhere = take(2);
    const base = take(baseSize);
    const extents = take(2);
    if (method > 1 || elsewhere !== 0 || extents !== 1) return undefined;
    take(indexSize);
    const offset = base + take(offsetSize);
    const length = take(lengthSize);
    const origin = method === 1 ? inline?.start : 0;
    if (origin === undefined) return undefined;
    const from = origin + offset;
    if (from + length > b.length) return undefined;
    items.push({
      id,
      type: types.get(id) ?? "",
      start: from,
      end: from + length,
    });
  }
  return items;
}

/** Size, rotation and profile of the item `id` (`iprp`). */
function itemShape(
  b: ByteReader,
  properties: Box,
  id: number,
): Omit<AvifImage, "alpha" | "coded"> | undefined {
  const parts = boxes(b, properties.start, properties.end);
  const container = single(parts, "ipco");
  const associations = single(parts, "ipma");
  if (!container || !associations) return undefined;
  const all = boxes(b, container.start, container.end) ?? [];
  const indices = associated(b, associations, id);
  const mine = indices.flatMap((index) => all[index - 1] ?? []);
  const size = single(mine, "ispe");
  if (size === undefined) return undefined;

  const rotation = single(mine, "irot");
  const mirror = single(mine, "imir");
  const turns = rotation === undefined ? 0 : b.u8(rotation.start) & 3;
  const mirrored = mirror === undefined ? 0 : 1 + (b.u8(mirror.start) & 1);
  const profile = mine.find(({ type, start }) =>
    type === "colr" && (b.has("prof", start) || b.has("rICC", start))
  );
  const codes = mine.find(({ type, start }) =>
    type === "colr" && b.has("nclx", start)
  );
  return {
    width: b.be32(size.start + FULL_BOX),
    height: b.be32(size.start + FULL_BOX + 4),
    orientation: asOrientation(TURNED[turns]?.[mirrored] ?? 1),
    cicp: codes && {
      primaries: b.be16(codes.start + 4),
      transfer: b.be16(codes.start + 6),
    },
    profile: profile && { start: profile.start + 4, end: profile.end },
  };
}

/** Numbers, from 1, of the properties of item `id` (`ipma`). */
function associated(b: ByteReader, { start, end }: Box, id: number): number[] {
  const wideId = b.u8(start) > 0;
  const wideIndex = (b.u8(start + 3) & 1) === 1;
  const entries = Math.min(b.be32(start + FULL_BOX), MAX_ITEMS);
  let o = start + FULL_BOX + 4;
  const found: number[] = [];
  for (let i = 0; i < entries && o < end; i++) {
    const item = b.be(o, wideId ? 4 : 2);
    o += wideId ? 4 : 2;
    const count = b.u8(o++);
    for (let k = 0; k < count; k++) {
      const index = wideIndex ? b.be16(o) & 0x7fff : b.u8(o) & 0x7f;
      o += wideIndex ? 2 : 1;
      if (item === id) found.push(index);
    }
  }
  return found;
}
