/**
 * The JPEG codec: libjpeg-turbo with a small interface of our own
 * (`codecs/source/jpeg.c`). It reads and writes one image at a time.
 *
 * @module
 */

import { jpeg as jpegModule } from "./wasm_modules.js";

/** What the module exports; addresses are numbers. */
export interface JpegCodec {
  readonly memory: WebAssembly.Memory;
  _initialize(): void;
  allocate(bytes: number): number;
  release(address: number): void;
  /** Opens a file; returns the bytes of a pixel: 1 gray, 3 RGB, 4 CMYK. */
  open(address: number, bytes: number, eighths: number): number;
  width(): number;
  height(): number;
  /** Not 0 where CMYK is stored inverted, as by Adobe's programs. */
  isAdobe(): number;
  skip(rows: number): number;
  /** Decodes rows; returns how many. */
  read(target: number, rows: number): number;
  close(): void;
  /** Returns the address of the file. */
  encode(
    rgba: number,
    width: number,
    height: number,
    quality: number,
    fullChroma: number,
  ): number;
  encodedBytes(): number;
}

/** An instance whose memory outgrew this many bytes is dropped after use. */
const MAX_KEPT = 128 << 20;

let shared: JpegCodec | undefined;

/** The codec; the same instance as long as it works. */
export function jpegCodec(): JpegCodec {
  if (shared === undefined) {
    const fail = (code: number) => {
      throw new Error(`libjpeg error ${code}`);
    };
    const { exports } = new WebAssembly.Instance(jpegModule, { env: { fail } });
    shared = exports as unknown as JpegCodec;
    shared._initialize();
  }
  return shared;
}

/** Drops the instance after an error, or if its memory has grown large. */
export function dropJpegCodec(after: "error" | "use"): void {
  const bytes = shared?.memory.buffer.byteLength ?? 0;
  if (after === "error" || bytes > MAX_KEPT) shared = undefined;
}
