/**
 * Converts the inflated data of a non-interlaced PNG to RGB or RGBA rows (PNG
 * 3rd edition, sections 7.2, 9 and 11.3.1).
 *
 * @module
 */

import type { Address, Kernel } from "../../kernel/kernel.ts";
import type { ByteReader } from "../byte_reader.ts";
import { corrupt } from "./decoded.ts";
import { PNG_FIRST_CHUNK } from "../sniff/sniff_png.ts";

/** Colour types of IHDR. */
const GRAY = 0;
const RGB = 2;
const PALETTE = 3;
const GRAY_ALPHA = 4;
const RGBA = 6;

/** Samples per pixel of each colour type. */
const SAMPLES: Readonly<Record<number, number>> = {
  [GRAY]: 1,
  [RGB]: 3,
  [PALETTE]: 1,
  [GRAY_ALPHA]: 2,
  [RGBA]: 4,
};

/** Allowed bit depths of each colour type (section 11.2.1). */
const DEPTHS: Readonly<Record<number, readonly number[]>> = {
  [GRAY]: [1, 2, 4, 8, 16],
  [RGB]: [8, 16],
  [PALETTE]: [1, 2, 4, 8],
  [GRAY_ALPHA]: [8, 16],
  [RGBA]: [8, 16],
};

/** Zero bytes that the filters need before a row. */
const MARGIN = 16;

/** The chunks before the image data that define how samples are read. */
interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colourType: number;
  /** PLTE: three bytes per entry. */
  readonly palette: Uint8Array | undefined;
  /** tRNS: alpha of palette entries, or the transparent colour. */
  readonly transparency: Uint8Array | undefined;
}

function readHeader(b: ByteReader): Header {
  let palette: Uint8Array | undefined;
  let transparency: Uint8Array | undefined;
  for (let o = PNG_FIRST_CHUNK; o + 8 <= b.length;) {
    const length = b.be32(o);
    if (b.has("IDAT", o + 4)) break;
    if (b.has("PLTE", o + 4)) palette ??= b.slice(o + 8, o + 8 + length);
    if (b.has("tRNS", o + 4)) transparency ??= b.slice(o + 8, o + 8 + length);
    o += 12 + length;
  }
  const colourType = b.u8(25);
  const depth = b.u8(24);
  if (!DEPTHS[colourType]?.includes(depth)) {
    throw corrupt("PNG", new Error(`${depth} bits of type ${colourType}`));
  }
  if (colourType === PALETTE && palette === undefined) {
    throw corrupt("PNG", new Error("no palette"));
  }
  return {
    width: b.be32(16),
    height: b.be32(20),
    depth,
    colourType,
    palette,
    transparency,
  };
}

/** Converts inflated bytes, in chunks of any size, to rows. */
export class PngRowReader {
  /** Channels of the output rows. */
  readonly channels: 3 | 4;
  readonly #kernel: Kernel;
  readonly #header: Header;
  /** Bytes of a stored row, without the filter byte. */
  readonly #rowBytes: number;
  /** Distance of neighbouring pixels in bytes, at least 1. */
  readonly #distance: number;
  readonly #output: Address;
  readonly #table: Address;
  #row: Address;
  #previous: Address;
  #filled = -1; // -1: the filter byte comes next
  #filter = 0;
  #rows = 0;

  private constructor(kernel: Kernel, header: Header) {
    const { width, depth, colourType, transparency } = header;
    const bits = depth * (SAMPLES[colourType] ?? 1);
    this.#kernel = kernel;
    this.#header = header;
    this.#rowBytes = Math.ceil(width * bits / 8);
    this.#distance = Math.max(1, bits >> 3);
    const plainRgb = colourType === RGB && transparency === undefined;
    this.channels = plainRgb ? 3 : 4;
    this.#row = kernel.allocate(MARGIN + this.#rowBytes, true) + MARGIN;
    this.#previous = kernel.allocate(MARGIN + this.#rowBytes, true) + MARGIN;
    this.#output = kernel.allocate(width * this.channels);
    this.#table = kernel.place(paletteTable(header));
  }

  /** Reads the header; throws AppError `UNPROCESSABLE` when it is invalid. */
  static open(kernel: Kernel, b: ByteReader): PngRowReader {
    return new PngRowReader(kernel, readHeader(b));
  }

  /** A row of zeros. Rows that were read before are gone. */
  emptyRow(): Address {
    const bytes = this.#header.width * this.channels;
    this.#kernel.bytes.fill(0, this.#output, this.#output + bytes);
    return this.#output;
  }

  /**
   * Processes more inflated bytes. Passes each finished row to `take`, which
   * returns whether it wants more; returns false when it does not, or when the
   * image is complete.
   */
  read(chunk: Uint8Array, take: (row: Address) => boolean): boolean {
    for (let o = 0; o < chunk.length;) {
      if (this.#filled < 0) {
        this.#filter = chunk[o++] ?? 0;
        if (this.#filter > 4) throw new Error(`filter ${this.#filter}`);
        this.#filled = 0;
        continue;
      }
      const n = Math.min(chunk.length - o, this.#rowBytes - this.#filled);
      const part = chunk.subarray(o, o + n);
      this.#kernel.bytes.set(part, this.#row + this.#filled);
      this.#filled += n;
      o += n;
      if (this.#filled < this.#rowBytes) return true;
      if (!take(this.#finishRow())) return false;
      if (++this.#rows === this.#header.height) return false;
    }
    return true;
  }

  #finishRow(): Address {
    const { run } = this.#kernel;
    const row = this.#row;
    run.unfilter(
      this.#filter,
      row,
      this.#previous,
      this.#distance,
      this.#rowBytes,
    );
    this.#row = this.#previous;
    this.#previous = row;
    this.#filled = -1;
    return this.#expand(row);
  }

  /** The row as RGB or RGBA, with fast paths for the common kinds. */
  #expand(row: Address): Address {
    const { colourType, depth, width, transparency } = this.#header;
    if (depth === 8) {
      if (colourType === RGBA) return row;
      if (colourType === RGB && transparency === undefined) return row;
      if (colourType === GRAY || colourType === PALETTE) {
        this.#kernel.run.expandPalette(row, this.#output, width, this.#table);
        return this.#output;
      }
    }
    const source = new DataView(
      this.#kernel.bytes.buffer,
      row,
      this.#rowBytes,
    );
    const target = new DataView(
      this.#kernel.bytes.buffer,
      this.#output,
      width * this.channels,
    );
    if (depth < 8) this.#expandBits(source, target);
    else this.#expandSamples(source, target);
    return this.#output;
  }

  /** Gray or palette with several pixels in a byte. */
  #expandBits(source: DataView, target: DataView): void {
    const { depth, width } = this.#header;
    const mask = (1 << depth) - 1;
    const table = new DataView(this.#kernel.bytes.buffer, this.#table, 1024);
    for (let x = 0; x < width; x++) {
      const bit = x * depth;
      const shift = 8 - depth - (bit & 7);
      const index = (source.getUint8(bit >> 3) >> shift) & mask;
      target.setUint32(x * 4, table.getUint32(index * 4));
    }
  }

  /** Samples of 8 or 16 bits; of 16 bits the high byte is used. */
  #expandSamples(source: DataView, target: DataView): void {
    const { colourType, depth, width, transparency } = this.#header;
    const size = depth >> 3;
    const gray = colourType === GRAY || colourType === GRAY_ALPHA;
    const colours = gray ? 1 : 3;
    const hasAlpha = colourType === GRAY_ALPHA || colourType === RGBA;
    const key = hasAlpha ? undefined : transparency;
    const step = (SAMPLES[colourType] ?? 1) * size;
    for (let x = 0; x < width; x++) {
      const p = x * step;
      const q = x * this.channels;
      for (let c = 0; c < 3; c++) {
        target.setUint8(q + c, source.getUint8(p + (gray ? 0 : c * size)));
      }
      if (this.channels === 3) continue;
      const alpha = hasAlpha
        ? source.getUint8(p + colours * size)
        : key !== undefined && isKey(source, p, size, colours, key)
        ? 0
        : 255;
      target.setUint8(q + 3, alpha);
    }
  }
}

/** Whether the pixel at `p` has the colour that tRNS makes transparent. */
function isKey(
  source: DataView,
  p: number,
  size: number,
  colours: number,
  key: Uint8Array,
): boolean {
  for (let c = 0; c < colours; c++) {
    const wanted = keySample(key, c, size * 8);
    const sample = size === 1
      ? source.getUint8(p + c)
      : source.getUint16(p + c * 2);
    if (sample !== wanted) return false;
  }
  return true;
}

/** Sample `index` of a transparent colour, of which only the lowest `depth` bits count. */
function keySample(key: Uint8Array, index: number, depth: number): number {
  const sample = ((key[index * 2] ?? 0) << 8) | (key[index * 2 + 1] ?? 0);
  return sample & ((1 << depth) - 1);
}

/** RGBA of each index, for palettes and for gray of at most 8 bits. */
function paletteTable(header: Header): Uint8Array {
  const { colourType, depth, palette, transparency } = header;
  const table = new Uint8Array(1024);
  const top = (1 << Math.min(8, depth)) - 1;
  const key = transparency === undefined || colourType !== GRAY
    ? -1
    : keySample(transparency, 0, depth);
  for (let i = 0; i <= top; i++) {
    if (colourType === PALETTE) {
      table.set(palette?.subarray(i * 3, i * 3 + 3) ?? [], i * 4);
      table[i * 4 + 3] = transparency?.[i] ?? 255;
    } else {
      const value = Math.round(i * 255 / top);
      table.set([value, value, value, i === key ? 0 : 255], i * 4);
    }
  }
  return table;
}
