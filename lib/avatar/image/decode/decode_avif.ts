/**
 * Still AVIF by jSquash's libavif. The module is large and rarely needed, so it
 * is loaded with the first such image. Every file gets a new instance, because
 * the memory of an instance never shrinks.
 *
 * @module
 */

import { corrupt, type Decoded, wholeImage } from "./decoded.ts";
import { instantiateCodec } from "../emscripten.ts";
import type { ImageInfo } from "../info.ts";

interface AvifDecoder {
  decode(file: ArrayBuffer, bitDepth: 8): ImageData | null;
}

/** Memory that libavif needs in addition to the pixels. */
const BASE_MEMORY = 48 << 20;

/**
 * Decodes to 8-bit RGBA as stored: the decoder does not apply the orientation.
 *
 * Throws AppError `UNPROCESSABLE` when the file is corrupt.
 */
export async function decodeAvif(
  bytes: Uint8Array,
  info: ImageInfo,
): Promise<Decoded> {
  try {
    const { avifDecoder, glue } = await import("../wasm_avif.js");
    const codec = await instantiateCodec<AvifDecoder>(
      glue,
      avifDecoder,
      BASE_MEMORY + info.width * info.height * info.bytesPerPixel,
    );
    const image = codec.decode(new Uint8Array(bytes).buffer, 8);
    if (image === null) throw new Error("the decoder refuses it");
    if (image.width !== info.width || image.height !== info.height) {
      throw new Error(`${image.width} by ${image.height} pixels after all`);
    }
    return wholeImage(new Uint8Array(image.data.buffer), image, "rgba");
  } catch (error) {
    throw corrupt("AVIF", error);
  }
}
