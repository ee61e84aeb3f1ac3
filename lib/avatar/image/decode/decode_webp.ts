/**
 * The still image or first frame of a WebP by jSquash's libwebp. That build
 * predates the fix of CVE-2023-4863, so every file gets a new instance, and
 * memory corrupted by a hostile file is discarded with it.
 *
 * @module
 */

import webpDecoderGlue from "@jsquash/webp/codec/dec/webp_dec.js";
import { ByteReader } from "../byte_reader.ts";
import { corrupt, type Decoded, onCanvas, wholeImage } from "./decoded.ts";
import { instantiateCodec } from "../emscripten.ts";
import type { ImageInfo } from "../info.ts";
import { webpDecoder } from "../wasm_modules.js";
import {
  firstWebpFrame,
  type WebpChunk,
  type WebpFrame,
} from "./webp_chunks.ts";

interface WebpDecoder {
  decode(file: ArrayBuffer): ImageData | null;
}

/** Memory that libwebp needs in addition to the pixels. */
const BASE_MEMORY = 32 << 20;

/**
 * Decodes to RGBA on the canvas that the sniff found.
 *
 * Throws AppError `UNPROCESSABLE` when the file is corrupt.
 */
export async function decodeWebp(
  bytes: Uint8Array,
  info: ImageInfo,
): Promise<Decoded> {
  try {
    const frame = firstWebpFrame(new ByteReader(bytes));
    if (frame === undefined) throw new Error("there is no frame");
    const codec = await instantiateCodec<WebpDecoder>(
      webpDecoderGlue,
      webpDecoder,
      BASE_MEMORY + info.width * info.height * info.bytesPerPixel,
    );
    const image = codec.decode(stillFile(bytes, frame));
    if (image === null) throw new Error("the decoder refuses it");
    if (image.width !== frame.width || image.height !== frame.height) {
      throw new Error(`${image.width} by ${image.height} pixels after all`);
    }
    const pixels = new Uint8Array(image.data.buffer);
    return wholeImage(onCanvas(pixels, frame, info), info, "rgba");
  } catch (error) {
    throw corrupt("WebP", error);
  }
}

/** Builds a file with only the frame, because the decoder refuses animations. */
function stillFile(bytes: Uint8Array, frame: WebpFrame): ArrayBuffer {
  const { alphaPlane, image, width, height } = frame;
  const extended = alphaPlane !== undefined;
  const chunks = extended ? [alphaPlane, image] : [image];
  const size = chunks.reduce(
    (sum, chunk) => sum + chunkBytes(chunk),
    extended ? 30 : 12,
  );
  const file = new Uint8Array(size);
  const view = new DataView(file.buffer);
  const text = new TextEncoder();
  file.set(text.encode("RIFF"));
  view.setUint32(4, size - 8, true);
  file.set(text.encode("WEBP"), 8);
  let o = 12;
  if (extended) {
    file.set(text.encode("VP8X"), o);
    view.setUint32(o + 4, 10, true);
    view.setUint8(o + 8, 0x10); // alpha
    view.setUint32(o + 12, width - 1, true); // 24 bits; the next write sets the fourth byte
    view.setUint16(o + 15, (height - 1) & 0xffff, true);
    view.setUint8(o + 17, (height - 1) >> 16);
    o += 18;
  }
  for (const chunk of chunks) {
    file.set(text.encode(chunk.name), o);
    view.setUint32(o + 4, chunk.end - chunk.start, true);
    file.set(bytes.subarray(chunk.start, chunk.end), o + 8);
    o += chunkBytes(chunk);
  }
  return file.buffer;
}

/** A chunk with its header, padded to an even length. */
const chunkBytes = ({ start, end }: WebpChunk) =>
  8 + (end - start) + ((end - start) & 1);
