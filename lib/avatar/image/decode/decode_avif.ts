/**
 * Still AVIF: libavif and dav1d with a small interface of our own
 * (`codecs/source/avif.c`). The module is large and rarely needed, so it is
 * loaded with the first such image. Every file gets a new instance, because the
 * memory of an instance never shrinks.
 *
 * @module
 */

import { ByteReader } from "../byte_reader.ts";
import type { ImageInfo } from "../info.ts";
import { avifFile } from "./avif/avif_file.ts";
import { type AvifImage, readAvif } from "./avif/avif_image.ts";
import { corrupt, croppedImage, type Decoded } from "./decoded.ts";

/** What the module exports; addresses are numbers. */
interface AvifCodec {
  _initialize(): void;
  allocate(bytes: number): number;
  /** Returns 0 or the code of an error. */
  decode(file: number, bytes: number, maxPixels: number): number;
  pixels(): number;
  width(): number;
  height(): number;
}

/** Linear memory is counted in pages of 64 KiB. */
const PAGE = 65536;
/** Memory of a new instance; the module asks for no less. */
const START_PAGES = 256;
/** Memory that the decoder needs in addition to the pixels. */
const BASE_MEMORY = 48 << 20;

/**
 * Decodes to 8-bit RGBA as stored: the orientation is not applied.
 *
 * Throws AppError `UNPROCESSABLE` when the file is corrupt.
 */
export async function decodeAvif(
  bytes: Uint8Array,
  info: ImageInfo,
): Promise<Decoded> {
  try {
    const file = readAvif(new ByteReader(bytes));
    if (file === undefined) throw new Error("there is no image");
    const { avif } = await import("../wasm_avif.js");
    const memory = new WebAssembly.Memory({
      initial: START_PAGES,
      maximum: Math.ceil(
        (BASE_MEMORY + info.width * info.height * info.bytesPerPixel) / PAGE,
      ),
    });
    const { exports } = new WebAssembly.Instance(avif, { env: { memory } });
    const pixels = decode(exports as unknown as AvifCodec, memory, file);
    return croppedImage(pixels, file.main.width, file.shown);
  } catch (error) {
    throw corrupt("AVIF", error);
  }
}

/** Decodes the whole picture; the pixels are a view of `memory`. */
function decode(
  codec: AvifCodec,
  memory: WebAssembly.Memory,
  image: AvifImage,
): Uint8Array {
  codec._initialize();
  const file = avifFile(image);
  const { width, height, tile } = image.main;
  const input = codec.allocate(file.length);
  if (input === 0) throw new Error("no memory");
  new Uint8Array(memory.buffer, input, file.length).set(file);
  const limit = Math.max(width * height, tile.width * tile.height);
  const code = codec.decode(input, file.length, limit);
  if (code !== 0) throw new Error(`libavif error ${code}`);
  if (codec.width() !== width || codec.height() !== height) {
    throw new Error(`${codec.width()} by ${codec.height()} pixels after all`);
  }
  return new Uint8Array(memory.buffer, codec.pixels(), width * height * 4);
}
