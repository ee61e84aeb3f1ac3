/**
 * The picture of an AVIF file (AVIF specification, ISO/IEC 23008-12): its coded
 * parts, their sizes, and how it is shown. Everything else in the file, such as
 * thumbnails and gain maps, is left alone.
 *
 * @module
 */

import { ByteReader } from "../../byte_reader.ts";
import type { Cicp } from "../../colour/cicp.ts";
import type { Rect, Size } from "../../geometry.ts";
import { asOrientation, type Orientation } from "../../info.ts";
import { summariseAv1 } from "./av1_obus.ts";
import { type Box, boxes, FULL_BOX, single } from "./boxes.ts";
import { type Item, ItemTable } from "./items.ts";

/** Coded pixels: one frame, or tiles of one size in rows. */
export interface AvifPlane extends Size {
  /** The data of each tile. */
  readonly tiles: readonly Uint8Array[];
  readonly tile: Size;
  readonly columns: number;
  /** The content of `av1C`, the configuration of the tiles. */
  readonly configuration: Uint8Array;
  /** The content of `nclx` colours, from their type on. */
  readonly colours: Uint8Array | undefined;
  /** Bits of a sample. */
  readonly depth: number;
  readonly monochrome: boolean;
  /** Frames that are decoded for each tile. */
  readonly frames: number;
}

/** A still AVIF image. */
export interface AvifImage {
  readonly main: AvifPlane;
  readonly alpha: AvifPlane | undefined;
  /** Whether the colours are multiplied by the alpha. */
  readonly premultiplied: boolean;
  /** The part that is shown, in whole pixels. */
  readonly shown: Rect;
  readonly orientation: Orientation;
  readonly profile: Uint8Array | undefined;
  /** Code points of its colours. */
  readonly cicp: Cicp | undefined;
}

/** Maximum tiles of an image. */
const MAX_TILES = 128;
/** Maximum frames of a tile: layers, of which the last is shown. */
const MAX_FRAMES = 4;
const ALPHA = [
  "urn:mpeg:mpegB:cicp:systems:auxiliary:alpha",
  "urn:mpeg:hevc:2015:auxid:1",
];

/** EXIF orientation of a rotation by quarter turns counter-clockwise and an optional mirror (0 top to bottom, 1 left to right). */
const TURNED: readonly (readonly [number, number, number])[] = [
  [1, 4, 2],
  [8, 5, 7],
  [3, 2, 4],
  [6, 7, 5],
];

/** Reads the picture; undefined when the file is not a still AVIF image. */
export function readAvif(b: ByteReader): AvifImage | undefined {
  const top = boxes(b, 0, b.length);
  const [file] = top ?? [];
  if (file?.type !== "ftyp" || !isStillBrand(b, file)) return undefined;
  const meta = single(top, "meta");
  const children = meta && boxes(b, meta.start + FULL_BOX, meta.end);
  const primary = single(children, "pitm");
  if (children === undefined || primary === undefined) return undefined;
  const items = ItemTable.read(b, children);
  const wide = b.u8(primary.start) > 0;
  const item = items?.get(b.be(primary.start + FULL_BOX, wide ? 4 : 2));
  if (items === undefined || item === undefined) return undefined;

  const main = planeOf(b, items, item);
  if (main === undefined) return undefined;
  const mask = alphaOf(b, items, item.id);
  const alpha = mask
    ? planeOf(b, items, mask)
    : tileAlpha(b, items, item, main);
  if (mask !== undefined && alpha === undefined) return undefined;
  if (alpha && (alpha.width !== main.width || alpha.height !== main.height)) {
    return undefined;
  }
  return {
    main,
    alpha,
    premultiplied: mask !== undefined &&
      items.referencesOf(item.id, "prem").includes(mask.id),
    ...appearance(b, item, main),
  };
}

/** AVIF, but no image sequence alone. */
function isStillBrand(b: ByteReader, { start, end }: Box): boolean {
  if (b.has("avis", start)) return false;
  for (let o = start; o + 4 <= end; o += 4) {
    if (b.has("avif", o)) return true;
  }
  return false;
}

/** The item with the alpha of the item `id`. */
function alphaOf(
  b: ByteReader,
  items: ItemTable,
  id: number,
): Item | undefined {
  return items.referringTo(id, "auxl").find(({ properties }) => {
    const kind = single(properties, "auxC");
    return kind !== undefined &&
      ALPHA.some((urn) => b.has(`${urn}\0`, kind.start + FULL_BOX));
  });
}

/** The alpha of a grid whose tiles have one each. */
function tileAlpha(
  b: ByteReader,
  items: ItemTable,
  { id }: Item,
  { width, height, columns, tiles, tile }: AvifPlane,
): AvifPlane | undefined {
  const ids = items.referencesOf(id, "dimg").flatMap((tileId) =>
    alphaOf(b, items, tileId)?.id ?? []
  );
  if (ids.length === 0 || ids.length !== tiles.length) return undefined;
  const coded = codedTiles(b, items, ids);
  if (coded === undefined) return undefined;
  const isSame = coded.tile.width === tile.width &&
    coded.tile.height === tile.height;
  return isSame
    ? { ...coded, width, height, columns, colours: coded.tileColours }
    : undefined;
}

/** The coded pixels of `item`, measured. */
function planeOf(
  b: ByteReader,
  items: ItemTable,
  item: Item,
): AvifPlane | undefined {
  const declared = single(item.properties, "ispe");
  const size = declared && {
    width: b.be32(declared.start + FULL_BOX),
    height: b.be32(declared.start + FULL_BOX + 4),
  };
  const colours = item.properties.find((box) =>
    box.type === "colr" && b.has("nclx", box.start)
  );
  const shared = colours && b.slice(colours.start, colours.end);
  if (item.type === "av01") {
    const coded = codedTiles(b, items, [item.id]);
    if (coded === undefined) return undefined;
    const { width, height } = coded.tile;
    if (size && (size.width !== width || size.height !== height)) {
      return undefined;
    }
    return { ...coded, width, height, columns: 1, colours: shared };
  }
  if (item.type !== "grid") return undefined;
  const grid = new ByteReader(items.data(item.id) ?? new Uint8Array());
  const wide = (grid.u8(1) & 1) === 1;
  const rows = grid.u8(2) + 1;
  const columns = grid.u8(3) + 1;
  const width = grid.be(4, wide ? 4 : 2);
  const height = grid.be(wide ? 8 : 6, wide ? 4 : 2);
  const ids = items.referencesOf(item.id, "dimg");
  if (ids.length !== rows * columns || rows * columns > MAX_TILES) {
    return undefined;
  }
  const coded = codedTiles(b, items, ids);
  if (coded === undefined || width === 0 || height === 0) return undefined;
  const isCovered = width <= coded.tile.width * columns &&
    height <= coded.tile.height * rows;
  if (!isCovered) return undefined;
  return {
    ...coded,
    width,
    height,
    columns,
    colours: shared ?? coded.tileColours,
  };
}

/** The data and the common size and configuration of coded items. */
function codedTiles(b: ByteReader, items: ItemTable, ids: readonly number[]) {
  const tiles: Uint8Array[] = [];
  let frames = 0;
  let tile: Size | undefined;
  for (const id of ids) {
    const data = items.get(id)?.type === "av01" ? items.data(id) : undefined;
    if (data === undefined) return undefined;
    const summary = summariseAv1(new ByteReader(data), 0, data.length);
    if (summary === undefined) return undefined;
    tile ??= { width: summary.width, height: summary.height };
    if (tile.width !== summary.width || tile.height !== summary.height) {
      return undefined;
    }
    frames = Math.max(frames, summary.frames);
    tiles.push(data);
  }
  const { properties = [] } = items.get(ids[0] ?? -1) ?? {};
  const box = single(properties, "av1C");
  if (tile === undefined || box === undefined) return undefined;
  if (frames < 1 || frames > MAX_FRAMES) return undefined;
  const colours = properties.find(({ type, start }) =>
    type === "colr" && b.has("nclx", start)
  );
  const flags = b.u8(box.start + 2);
  return {
    tiles,
    tile,
    frames,
    configuration: b.slice(box.start, box.end),
    tileColours: colours && b.slice(colours.start, colours.end),
    depth: (flags & 0x40) === 0 ? 8 : (flags & 0x20) === 0 ? 10 : 12,
    monochrome: (flags & 0x10) !== 0,
  };
}

/** How the item is cropped, turned and coloured. */
function appearance(
  b: ByteReader,
  { properties }: Item,
  { width, height, colours }: AvifPlane,
): Pick<AvifImage, "shown" | "orientation" | "profile" | "cicp"> {
  const rotation = single(properties, "irot");
  const mirror = single(properties, "imir");
  const turns = rotation === undefined ? 0 : b.u8(rotation.start) & 3;
  const mirrored = mirror === undefined ? 0 : 1 + (b.u8(mirror.start) & 1);
  const profile = properties.find(({ type, start }) =>
    type === "colr" && (b.has("prof", start) || b.has("rICC", start))
  );
  const codes = colours && new ByteReader(colours);
  const aperture = single(properties, "clap");
  const whole = { x: 0, y: 0, width, height };
  return {
    shown: (aperture && cropOf(b, aperture.start, whole)) ?? whole,
    orientation: asOrientation(TURNED[turns]?.[mirrored] ?? 1),
    cicp: codes && { primaries: codes.be16(4), transfer: codes.be16(6) },
    profile: profile && b.slice(profile.start + 4, profile.end),
  };
}

/**
 * The clean aperture at `offset` (ISO/IEC 14496-12, section 12.1.4), rounded to
 * whole pixels; undefined where it is not within the image.
 */
function cropOf(b: ByteReader, offset: number, whole: Rect): Rect | undefined {
  const [width = 0, height = 0, right = 0, down = 0] = [0, 8, 16, 24].map(
    (at) => (b.be32(offset + at) | 0) / (b.be32(offset + at + 4) | 0),
  );
  const left = (whole.width - width) / 2 + right;
  const top = (whole.height - height) / 2 + down;
  const crop = {
    x: Math.floor(left),
    y: Math.floor(top),
    width: Math.round(width),
    height: Math.round(height),
  };
  const isWithin = crop.x >= 0 && crop.y >= 0 &&
    crop.width > 0 && crop.height > 0 &&
    crop.x + crop.width <= whole.width && crop.y + crop.height <= whole.height;
  return isWithin ? crop : undefined;
}
