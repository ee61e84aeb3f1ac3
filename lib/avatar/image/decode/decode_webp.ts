/**
 * The still image or first frame of a WebP by libwebp, which scales it down
 * while it decodes.
 *
 * @module
 */

import { ByteReader } from "../byte_reader.ts";
import type { Size } from "../geometry.ts";
import type { ImageInfo } from "../info.ts";
import {
  dropWebpCodec,
  placeIn,
  type WebpCodec,
  webpCodec,
} from "../webp_codec.ts";
import { corrupt, type Decoded, onCanvas, wholeImage } from "./decoded.ts";
import {
  firstWebpFrame,
  type WebpChunk,
  type WebpFrame,
} from "./webp_chunks.ts";

/**
 * Decodes to RGBA, at a whole fraction of its size that is at least `wanted`. A
 * frame smaller than the canvas is not scaled: it has its place in pixels.
 *
 * Throws AppError `UNPROCESSABLE` when the file is corrupt.
 */
export function decodeWebp(
  bytes: Uint8Array,
  info: ImageInfo,
  wanted: Size,
): Decoded {
  try {
    const frame = firstWebpFrame(new ByteReader(bytes));
    if (frame === undefined) throw new Error("there is no frame");
    const codec = webpCodec();
    const isWhole = frame.width === info.width && frame.height === info.height;
    const size = isWhole ? reduced(info, wanted) : frame;
    const { pixels, free } = decode(codec, stillFile(bytes, frame), size);
    if (isWhole) return wholeImage(pixels, size, "rgba", free);
    const canvas = onCanvas(pixels, frame, info);
    free();
    return wholeImage(canvas, info, "rgba");
  } catch (error) {
    dropWebpCodec("error");
    throw corrupt("WebP", error);
  }
}

function reduced({ width, height }: Size, wanted: Size): Size {
  const fraction = Math.max(
    1,
    Math.floor(Math.min(width / wanted.width, height / wanted.height)),
  );
  return {
    width: Math.ceil(width / fraction),
    height: Math.ceil(height / fraction),
  };
}

/** The pixels are valid until `free`. */
function decode(codec: WebpCodec, file: Uint8Array, { width, height }: Size) {
  const bytes = width * height * 4;
  const input = placeIn(codec, file);
  const output = codec.allocate(bytes);
  if (output === 0) throw new Error("no memory");
  const code = codec.decode(input, file.length, output, width, height);
  if (code !== 0) throw new Error(`libwebp error ${code}`);
  codec.release(input);
  return {
    pixels: new Uint8Array(codec.memory.buffer, output, bytes),
    free() {
      codec.release(output);
      dropWebpCodec("use");
    },
  };
}

/** Builds a file with only the frame, because the decoder refuses animations. */
function stillFile(bytes: Uint8Array, frame: WebpFrame): Uint8Array {
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
  return file;
}

/** A chunk with its header, padded to an even length. */
const chunkBytes = ({ start, end }: WebpChunk) =>
  8 + (end - start) + ((end - start) & 1);
