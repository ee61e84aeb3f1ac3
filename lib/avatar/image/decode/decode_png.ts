/**
 * PNG: inflated and unfiltered row by row, so that the whole image is never in
 * memory; interlaced images go through imagescript's decoder.
 *
 * @module
 */

import { constants, createInflate } from "node:zlib";
import type { Address, Kernel } from "../../kernel/kernel.ts";
import type { Resampler } from "../../kernel/resampler.ts";
import { ByteReader } from "../byte_reader.ts";
import {
  corrupt,
  type Decoded,
  MAX_KEPT_MEMORY,
  wholeImage,
} from "./decoded.ts";
import { PngRowReader } from "./png_rows.ts";
import { PNG_FIRST_CHUNK } from "../sniff/sniff_png.ts";
import { png as pngModule } from "../wasm_modules.js";

interface PngExports {
  readonly memory: WebAssembly.Memory;
  walloc(bytes: number): number;
  wfree(address: number): void;
  /** Address of the RGBA pixels, or a negative error code. */
  decode(address: number, bytes: number): number;
  width(): number;
  height(): number;
}

/** Inflated bytes per chunk. */
const CHUNK = 256 << 10;

let instance: PngExports | undefined;

/** Whether the image is stored in seven passes (Adam7). */
export function isInterlaced(bytes: Uint8Array): boolean {
  return new ByteReader(bytes).u8(28) !== 0;
}

/**
 * Streams a non-interlaced PNG into the resampler that `open` creates for its
 * rows. Rows beyond those needed are not inflated. Where the data ends too
 * early, the rest is transparent, or black in a PNG without alpha.
 *
 * Throws AppError `UNPROCESSABLE` when the data is damaged, or has no row that
 * is shown.
 */
export async function streamPng(
  kernel: Kernel,
  bytes: Uint8Array,
  open: (channels: 3 | 4) => Resampler,
): Promise<Resampler> {
  const reader = PngRowReader.open(kernel, new ByteReader(bytes));
  const resampler = open(reader.channels);
  let rows = 0;
  const take = (row: Address) => {
    rows++;
    resampler.push(row);
    return !resampler.done;
  };
  try {
    for await (const chunk of inflated(imageData(bytes))) {
      if (!reader.read(chunk, take)) break;
    }
  } catch (error) {
    throw corrupt("PNG", error);
  }
  if (rows <= resampler.firstRow) {
    throw corrupt("PNG", new Error("rows are missing"));
  }
  const empty = reader.emptyRow();
  while (!resampler.done) resampler.push(empty);
  return resampler;
}

/** The contents of the image data chunks, in order. */
function* imageData(bytes: Uint8Array): Generator<Uint8Array> {
  const b = new ByteReader(bytes);
  for (let o = PNG_FIRST_CHUNK; o + 8 <= b.length;) {
    const length = b.be32(o);
    if (b.has("IEND", o + 4)) return;
    if (b.has("IDAT", o + 4)) yield b.slice(o + 8, o + 8 + length);
    o += 12 + length;
  }
}

/** Inflates on demand; leaving the loop stops it. */
async function* inflated(
  parts: Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  // Flushing at the end gives what there is of data that was cut off.
  const inflate = createInflate({
    chunkSize: CHUNK,
    finishFlush: constants.Z_SYNC_FLUSH,
  });
  const iterator = parts[Symbol.iterator]();
  const write = () => {
    for (;;) {
      const next = iterator.next();
      if (next.done) return inflate.end();
      if (!inflate.write(next.value)) {
        inflate.once("drain", write);
        return;
      }
    }
  };
  write();
  try {
    yield* inflate as AsyncIterable<Uint8Array>;
  } finally {
    inflate.destroy();
  }
}

/**
 * Decodes any PNG to RGBA, 16-bit samples to their high byte. Needs memory for
 * all pixels.
 *
 * Throws AppError `UNPROCESSABLE` when the file is corrupt.
 */
export function decodeWholePng(
  bytes: Uint8Array,
): Decoded & { readonly data: Uint8Array } {
  instance ??= new WebAssembly.Instance(pngModule, {
    env: { emscripten_notify_memory_growth() {} },
  }).exports as unknown as PngExports;
  const wasm = instance;
  try {
    const input = wasm.walloc(bytes.length);
    if (input === 0) throw new Error("no memory");
    new Uint8Array(wasm.memory.buffer, input, bytes.length).set(bytes);
    const pixels = wasm.decode(input, bytes.length);
    wasm.wfree(input);
    if (pixels < 0) throw new Error(`the decoder says ${pixels}`);
    const size = { width: wasm.width(), height: wasm.height() };
    const data = new Uint8Array(
      wasm.memory.buffer,
      pixels,
      size.width * size.height * 4,
    );
    return wholeImage(data, size, "rgba", () => {
      wasm.wfree(pixels);
      const held = wasm.memory.buffer.byteLength;
      if (instance === wasm && held > MAX_KEPT_MEMORY) instance = undefined;
    });
  } catch (error) {
    instance = undefined; // not usable after a trap
    throw corrupt("PNG", error);
  }
}
