/**
 * Writes an AVIF file with the picture and its alpha alone, so that a decoder
 * finds exactly what was measured, in a form that every decoder takes.
 *
 * @module
 */

import { joinBytes } from "../../../../bytes.ts";
import type { AvifImage, AvifPlane } from "./avif_image.ts";

const text = (value: string) => new TextEncoder().encode(value);

/** Big-endian numbers of `bytes` bytes. */
function numbers(bytes: 1 | 2 | 4, ...values: number[]): Uint8Array {
  const data = new Uint8Array(values.length * bytes);
  const view = new DataView(data.buffer);
  for (const [i, value] of values.entries()) {
    if (bytes === 1) view.setUint8(i, value);
    else if (bytes === 2) view.setUint16(i * 2, value);
    else view.setUint32(i * 4, value);
  }
  return data;
}

function box(type: string, ...parts: Uint8Array[]): Uint8Array {
  const size = parts.reduce((sum, part) => sum + part.length, 8);
  return joinBytes([numbers(4, size), text(type), ...parts]);
}

/** A box with a version and flags. */
const fullBox = (type: string, version: number, ...parts: Uint8Array[]) =>
  box(type, numbers(1, version, 0, 0, 0), ...parts);

interface NewItem {
  readonly id: number;
  readonly type: string;
  readonly data: Uint8Array;
  readonly properties: readonly Uint8Array[];
}

/** The items of a plane, from the number `first` on; the first is the plane itself. */
function itemsOf(plane: AvifPlane, first: number, isAlpha: boolean): NewItem[] {
  const { tiles, tile, columns, configuration, colours, depth } = plane;
  const channels = isAlpha || plane.monochrome ? 1 : 3;
  const common = [
    fullBox(
      "pixi",
      0,
      numbers(1, channels, ...Array<number>(channels).fill(depth)),
    ),
    ...(colours === undefined ? [] : [box("colr", colours)]),
  ];
  const kind = isAlpha
    ? [
      fullBox(
        "auxC",
        0,
        text("urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"),
      ),
    ]
    : [];
  const size = (width: number, height: number) =>
    fullBox("ispe", 0, numbers(4, width, height));
  const coded = (data: Uint8Array, id: number): NewItem => ({
    id,
    type: "av01",
    data,
    properties: [
      size(tile.width, tile.height),
      box("av1C", configuration),
      ...common,
      ...kind,
    ],
  });
  const [only] = tiles;
  if (tiles.length === 1 && only !== undefined) return [coded(only, first)];
  const { width, height } = plane;
  const grid: NewItem = {
    id: first,
    type: "grid",
    data: joinBytes([
      numbers(1, 0, 1, tiles.length / columns - 1, columns - 1),
      numbers(4, width, height),
    ]),
    properties: [size(width, height), ...common, ...kind],
  };
  return [grid, ...tiles.map((data, i) => coded(data, first + 1 + i))];
}

const reference = (type: string, from: number, to: readonly number[]) =>
  box(type, numbers(2, from, to.length, ...to));

/** Writes the file. */
export function avifFile(image: AvifImage): Uint8Array<ArrayBuffer> {
  const main = itemsOf(image.main, 1, false);
  const maskId = main.length + 1;
  const mask = image.alpha ? itemsOf(image.alpha, maskId, true) : [];
  const items = [...main, ...mask];
  const references = [main, mask].flatMap(([plane, ...tiles]) =>
    plane === undefined || tiles.length === 0
      ? []
      : [reference("dimg", plane.id, tiles.map(({ id }) => id))]
  );
  if (mask.length > 0) references.push(reference("auxl", maskId, [1]));
  if (image.premultiplied) references.push(reference("prem", 1, [maskId]));

  const head = box(
    "ftyp",
    text("avif"),
    numbers(4, 0),
    text("avifmif1miaf"),
  );
  // The places depend on the length of the box in which they are written.
  const before = head.length + metaBox(items, references, 0).length + 8;
  return joinBytes([
    head,
    metaBox(items, references, before),
    box("mdat", ...items.map(({ data }) => data)),
  ]);
}

function metaBox(
  items: readonly NewItem[],
  references: readonly Uint8Array[],
  dataStart: number,
): Uint8Array {
  let offset = dataStart;
  const locations = items.map(({ id, data }) => {
    const entry = joinBytes([
      numbers(2, id, 0, 1),
      numbers(4, offset, data.length),
    ]);
    offset += data.length;
    return entry;
  });
  const properties = items.flatMap((item) => item.properties);
  let index = 0;
  const associations = items.map((item) =>
    joinBytes([
      numbers(2, item.id),
      numbers(1, item.properties.length),
      numbers(2, ...item.properties.map(() => ++index)),
    ])
  );
  return fullBox(
    "meta",
    0,
    fullBox("hdlr", 0, numbers(4, 0), text("pict"), new Uint8Array(13)),
    fullBox("pitm", 0, numbers(2, 1)),
    fullBox(
      "iloc",
      0,
      numbers(1, 0x44, 0),
      numbers(2, items.length),
      ...locations,
    ),
    fullBox(
      "iinf",
      0,
      numbers(2, items.length),
      ...items.map(({ id, type }) =>
        fullBox("infe", 2, numbers(2, id, 0), text(`${type}\0`))
      ),
    ),
    ...(references.length > 0 ? [fullBox("iref", 0, ...references)] : []),
    box(
      "iprp",
      box("ipco", ...properties),
      // Flag 1: numbers of properties have 15 bits.
      box(
        "ipma",
        numbers(1, 0, 0, 0, 1),
        numbers(4, items.length),
        ...associations,
      ),
    ),
  );
}
