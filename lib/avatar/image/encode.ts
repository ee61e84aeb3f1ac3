/**
 * Encodes RGBA pixels to a file, without metadata of the source.
 *
 * @module
 */

import webpEncoderGlue from "@jsquash/webp/codec/enc/webp_enc_simd.js";
import { defaultOptions as webpDefaults } from "@jsquash/webp/meta.js";
import type { Kernel } from "../kernel/kernel.ts";
import type { KernelPixels } from "./decode/decoded.ts";
import { instantiateCodec } from "./emscripten.ts";
import { encodePng } from "./encode_png.ts";
import type { Size } from "./geometry.ts";
import { dropJpegCodec, jpegCodec } from "./jpeg_codec.ts";
import { webpEncoder } from "./wasm_modules.js";

/** Output formats. */
export type OutputFormat = "webp" | "jpg" | "png";

/** The media type of each format. */
export const OUTPUT_TYPES: Readonly<Record<OutputFormat, string>> = {
  webp: "image/webp",
  jpg: "image/jpeg",
  png: "image/png",
};

/** The call of a jSquash encoder. */
interface Encoder {
  encode(
    rgba: Uint8Array,
    width: number,
    height: number,
    options: Record<string, unknown>,
  ): Uint8Array<ArrayBuffer> | null;
}

/** Enough for a result of 4096 by 4096 pixels; an instance that fails is discarded. */
const ENCODER_MEMORY = 400 << 20;
/** Number of pixels from which half the time is worth three percent more bytes. */
const LARGE_WEBP = 600 * 600;
/** Quality from which a JPEG keeps full chroma resolution. */
const FULL_CHROMA_QUALITY = 90;
/** Background of transparent pixels in a JPEG. */
const JPEG_BACKGROUND = 255;

let webp: Promise<Encoder> | undefined;

/**
 * Encodes `image`; `quality` 1 to 100 applies to WebP and JPEG. JPEG has no
 * transparency: the image is composed on white, in place.
 */
export async function encode(
  kernel: Kernel,
  image: KernelPixels,
  format: OutputFormat,
  quality: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const { pixels, width, height } = image;
  const count = width * height;
  if (format === "png") return encodePng(kernel, image);
  if (format === "webp") {
    webp ??= instantiateCodec<Encoder>(
      webpEncoderGlue,
      webpEncoder,
      ENCODER_MEMORY,
    );
    const method = count >= LARGE_WEBP ? 2 : 4;
    const options = { ...webpDefaults, quality, method };
    const rgba = kernel.view(pixels, count * 4);
    const drop = () => webp = undefined;
    const result = await run(webp, rgba, image, options, drop);
    // The memory of an instance does not shrink.
    if (count >= LARGE_WEBP) drop();
    return result;
  }
  kernel.run.flatten(pixels, count, JPEG_BACKGROUND);
  return encodeJpeg(kernel.view(pixels, count * 4), image, quality);
}

function encodeJpeg(
  rgba: Uint8Array,
  { width, height }: Size,
  quality: number,
): Uint8Array<ArrayBuffer> {
  try {
    const codec = jpegCodec();
    const input = codec.allocate(rgba.length);
    if (input === 0) throw new Error("no memory");
    new Uint8Array(codec.memory.buffer, input, rgba.length).set(rgba);
    const fullChroma = quality >= FULL_CHROMA_QUALITY ? 1 : 0;
    const file = codec.encode(input, width, height, quality, fullChroma);
    const bytes = codec.encodedBytes();
    const result = new Uint8Array(codec.memory.buffer, file, bytes).slice();
    codec.release(file);
    codec.release(input);
    dropJpegCodec("use");
    return result;
  } catch (error) {
    dropJpegCodec("error");
    throw new Error(`Cannot encode ${width} by ${height} pixels`, {
      cause: error,
    });
  }
}

async function run(
  encoder: Promise<Encoder>,
  rgba: Uint8Array,
  { width, height }: Size,
  options: Record<string, unknown>,
  drop: () => void,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const result = (await encoder).encode(rgba, width, height, options);
    if (result === null) throw new Error("the encoder gave up");
    return result;
  } catch (error) {
    drop();
    throw new Error(`Cannot encode ${width} by ${height} pixels`, {
      cause: error,
    });
  }
}
