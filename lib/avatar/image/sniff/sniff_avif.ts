/**
 * Header of still AVIF files.
 *
 * @module
 */

import { type AvifPlane, readAvif } from "../decode/avif/avif_image.ts";
import type { ByteReader } from "../byte_reader.ts";
import type { ImageInfo } from "../info.ts";

/** Pixels that are decoded for the plane. */
const decodedPixels = ({ tiles, tile, frames }: AvifPlane) =>
  tiles.length * tile.width * tile.height * frames;

/**
 * Reads items and coded data. Undefined unless the file has a still image, with
 * or without alpha, whose coded frames have the declared size.
 */
export function sniffAvif(b: ByteReader): ImageInfo | undefined {
  const image = readAvif(b);
  if (image === undefined) return undefined;
  const { main, alpha, shown, orientation, profile } = image;
  const { width, height } = shown;
  // What is cut off is decoded as well.
  const work = decodedPixels(main) / (width * height);
  return {
    format: "avif",
    width,
    height,
    orientation,
    animated: false,
    alpha: alpha !== undefined,
    icc: profile !== undefined,
    colours: "rgb",
    bytesPerPixel: work * (alpha ? 40 : 24),
    cost: work * (alpha ? 90 : 60),
  };
}
