/**
 * Still AVIF by jSquash's libavif. The module is large and rarely needed, so it
 * is loaded with the first such image. Every file gets a new instance, because
 * the memory of an instance never shrinks.
 *
 * @module
 */

import { ByteReader } from "../byte_reader.ts";
import { instantiateCodec } from "../emscripten.ts";
import type { ImageInfo } from "../info.ts";
import { avifFile } from "./avif/avif_file.ts";
import { readAvif } from "./avif/avif_image.ts";
import { corrupt, croppedImage, type Decoded } from "./decoded.ts";

interface AvifDecoder {
  decode(file: ArrayBuffer, bitDepth: 8): ImageData | null;
}

/** Memory that libavif needs in addition to the pixels. */
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
    const { avifDecoder, glue } = await import("../wasm_avif.js");
    const codec = await instantiateCodec<AvifDecoder>(
      glue,
      avifDecoder,
      BASE_MEMORY + info.width * info.height * info.bytesPerPixel,
    );
    const image = codec.decode(avifFile(file).buffer, 8);
    if (image === null) throw new Error("the decoder refuses it");
    const { width, height } = file.main;
    if (image.width !== width || image.height !== height) {
      throw new Error(`${image.width} by ${image.height} pixels after all`);
    }
    const pixels = new Uint8Array(image.data.buffer);
    return croppedImage(pixels, width, file.shown);
  } catch (error) {
    throw corrupt("AVIF", error);
  }
}
