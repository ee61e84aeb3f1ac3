/**
 * JPEG by imagescript's decoder, scaled down in the inverse DCT.
 *
 * @module
 */

import { corrupt, type Decoded, MAX_KEPT_MEMORY } from "./decoded.ts";
import type { Size } from "../geometry.ts";
import { jpeg as jpegModule } from "../wasm_modules.js";

/** What the module exports; addresses and handles are numbers. */
interface JpegExports {
  readonly memory: WebAssembly.Memory;
  walloc(bytes: number): number;
  /** Takes ownership of the input, which must not be freed. 0 corrupt, 1 impossible size. */
  decode(
    address: number,
    bytes: number,
    minWidth: number,
    minHeight: number,
  ): number;
  /** 0 gray, 1 RGB, 2 CMYK. */
  decode_format(handle: number): number;
  decode_width(handle: number): number;
  decode_height(handle: number): number;
  /** Address of the pixels; `wlen` then holds their size in bytes. */
  decode_buffer(handle: number): number;
  decode_free(handle: number): void;
  wlen(): number;
}

/** The decoder takes the requested size as 16-bit numbers. */
const MAX_WANTED = 65500;
const LAYOUTS = ["gray", "rgb", "cmyk"] as const;

let instance: JpegExports | undefined;

/**
 * Decodes at the smallest of 1/8, 1/4, 1/2 and full size that is still at least
 * `wanted`. A truncated file is decoded as far as possible.
 *
 * Throws AppError `UNPROCESSABLE` when the file is corrupt.
 */
export function decodeJpeg(bytes: Uint8Array, wanted: Size): Decoded {
  instance ??= new WebAssembly.Instance(jpegModule)
    .exports as unknown as JpegExports;
  const wasm = instance;
  try {
    const handle = start(wasm, bytes, wanted);
    const data = wasm.decode_buffer(handle);
    const size = wasm.wlen();
    return {
      data: new Uint8Array(wasm.memory.buffer, data, size),
      width: wasm.decode_width(handle),
      height: wasm.decode_height(handle),
      layout: LAYOUTS[wasm.decode_format(handle)] ?? "rgb",
      free() {
        wasm.decode_free(handle);
        const held = wasm.memory.buffer.byteLength;
        if (instance === wasm && held > MAX_KEPT_MEMORY) instance = undefined;
      },
    };
  } catch (error) {
    instance = undefined; // not usable after a trap
    throw corrupt("JPEG", error);
  }
}

function start(wasm: JpegExports, bytes: Uint8Array, wanted: Size): number {
  // The decoder refuses a file without an end marker; browsers do not.
  const [beforeLast, last] = bytes.subarray(-2);
  const ends = beforeLast === 0xff && last === 0xd9;
  const size = bytes.length + (ends ? 0 : 2);
  const input = wasm.walloc(size);
  const target = new Uint8Array(wasm.memory.buffer, input, size);
  target.set(bytes);
  if (!ends) target.set([0xff, 0xd9], bytes.length);
  const handle = wasm.decode(
    input,
    size,
    Math.min(MAX_WANTED, wanted.width),
    Math.min(MAX_WANTED, wanted.height),
  );
  if (handle === 0) throw new Error("the data is corrupt");
  if (handle === 1) throw new Error("the size is impossible");
  return handle;
}
