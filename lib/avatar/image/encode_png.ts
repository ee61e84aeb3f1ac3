/**
 * PNG with adaptive filters (PNG 3rd edition, section 12.7): 8 bits, RGB where
 * every pixel is opaque, RGBA elsewhere.
 *
 * @module
 */

import { crc32, deflateSync } from "node:zlib";
import { joinBytes } from "../../bytes.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { KernelPixels } from "./decode/decoded.ts";

/** Zero bytes that the filters need before a row. */
const MARGIN = 16;
const LEVEL = 6;
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Length, type and checksum around the data of a chunk. */
const CHUNK_OVERHEAD = 12;

/** Encodes `image`; its pixels are not modified. */
export function encodePng(
  kernel: Kernel,
  image: KernelPixels,
): Uint8Array<ArrayBuffer> {
  const { width, height } = image;
  const opaque = kernel.run.isOpaque(image.pixels, width * height) !== 0;
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, opaque ? 2 : 6, 0, 0, 0], 8);
  const data = deflateSync(filtered(kernel, image, opaque), { level: LEVEL });
  return joinBytes([
    Uint8Array.from(SIGNATURE),
    chunk("IHDR", header),
    chunk("IDAT", data),
    chunk("IEND", new Uint8Array()),
  ]);
}

/** All rows, each preceded by its filter type. */
function filtered(
  kernel: Kernel,
  { pixels, width, height }: KernelPixels,
  opaque: boolean,
): Uint8Array {
  const distance = opaque ? 3 : 4;
  const rowBytes = width * distance;
  let row = kernel.allocate(MARGIN + rowBytes, true) + MARGIN;
  let previous = kernel.allocate(MARGIN + rowBytes, true) + MARGIN;
  const output = kernel.allocate((rowBytes + 1) * height);
  const { run, bytes } = kernel;
  for (let y = 0; y < height; y++) {
    const source = pixels + y * width * 4;
    if (opaque) run.toRgb(source, row, width);
    else bytes.copyWithin(row, source, source + rowBytes);
    const target = output + y * (rowBytes + 1);
    run.filterRow(row, previous, distance, rowBytes, target);
    [row, previous] = [previous, row];
  }
  return kernel.view(output, (rowBytes + 1) * height);
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(CHUNK_OVERHEAD + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}
