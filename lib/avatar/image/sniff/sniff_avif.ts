/**
 * Header of still AVIF files.
 *
 * @module
 */

import { summariseAv1 } from "../decode/av1_obus.ts";
import { readAvif } from "../decode/avif_boxes.ts";
import type { ByteReader } from "../byte_reader.ts";
import type { ImageInfo } from "../info.ts";

/**
 * Reads items and coded data. Undefined unless the file is one still image,
 * with or without alpha, whose coded frames have the declared size.
 */
export function sniffAvif(b: ByteReader): ImageInfo | undefined {
  const image = readAvif(b);
  if (image === undefined) return undefined;
  const { width, height, orientation, alpha, profile, coded } = image;
  if (width === 0 || height === 0) return undefined;
  for (const { start, end } of coded) {
    const data = summariseAv1(b, start, end);
    if (data?.width !== width || data.height !== height) return undefined;
    if (data.frames !== 1) return undefined;
  }
  return {
    format: "avif",
    width,
    height,
    orientation,
    animated: false,
    alpha,
    icc: profile !== undefined,
    colours: "rgb",
    bytesPerPixel: alpha ? 40 : 24,
    cost: alpha ? 90 : 60,
  };
}
