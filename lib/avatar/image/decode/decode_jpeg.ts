/**
 * JPEG by libjpeg-turbo: scaled down in the inverse DCT, and row by row, so
 * that the pixels are never in memory at once.
 *
 * @module
 */

import { dropJpegCodec, type JpegCodec, jpegCodec } from "../jpeg_codec.ts";
import type { ImageInfo } from "../info.ts";
import type { Size } from "../geometry.ts";
import { corrupt, type Decoded, type PixelLayout } from "./decoded.ts";

const LAYOUTS: Readonly<Record<number, PixelLayout>> = {
  1: "gray",
  3: "rgb",
  4: "cmyk",
};
/** Rows decoded at a time. */
const BAND = 16;

/**
 * Decodes at the smallest of 1/8, 1/4, 1/2 and full size that is still at least
 * `wanted`. Where the data ends too early or is damaged, the rest is gray, as in
 * browsers.
 *
 * Throws AppError `UNPROCESSABLE` when the file cannot be decoded at all.
 */
export function decodeJpeg(
  bytes: Uint8Array,
  info: ImageInfo,
  wanted: Size,
): Decoded {
  try {
    return open(jpegCodec(), bytes, eighths(info, wanted));
  } catch (error) {
    dropJpegCodec("error");
    throw corrupt("JPEG", error);
  }
}

function eighths({ width, height }: Size, wanted: Size): number {
  const isEnough = (part: number) =>
    Math.ceil(width * part / 8) >= wanted.width &&
    Math.ceil(height * part / 8) >= wanted.height;
  return [1, 2, 4].find(isEnough) ?? 8;
}

function open(codec: JpegCodec, bytes: Uint8Array, eighths: number): Decoded {
  const input = codec.allocate(bytes.length);
  if (input === 0) throw new Error("no memory");
  new Uint8Array(codec.memory.buffer, input, bytes.length).set(bytes);
  const samples = codec.open(input, bytes.length, eighths);
  const layout = LAYOUTS[samples];
  if (layout === undefined) throw new Error(`${samples} samples in a pixel`);
  const width = codec.width();
  const height = codec.height();
  const band = codec.allocate(width * samples * BAND);
  if (band === 0) throw new Error("no memory");
  const inverts = samples === 4 && codec.isAdobe() !== 0;
  return {
    width,
    height,
    layout,
    *rows(first) {
      for (let y = first === 0 ? 0 : codec.skip(first); y < height;) {
        const count = readBand(codec, band);
        y += count;
        for (let i = 0; i < count; i++) {
          const row = new Uint8Array(
            codec.memory.buffer,
            band + i * width * samples,
            width * samples,
          );
          yield inverts ? row.map((ink) => 255 - ink) : row;
        }
      }
    },
    free() {
      codec.close();
      codec.release(band);
      codec.release(input);
      dropJpegCodec("use");
    },
  };
}

function readBand(codec: JpegCodec, band: number): number {
  let count = 0;
  try {
    count = codec.read(band, BAND);
  } catch (error) {
    dropJpegCodec("error");
    throw corrupt("JPEG", error);
  }
  if (count === 0) throw corrupt("JPEG", new Error("rows are missing"));
  return count;
}
