/**
 * Header of WebP files (RFC 9649).
 *
 * @module
 */

import type { ByteReader } from "../byte_reader.ts";
import { exifOrientation } from "../exif.ts";
import type { ImageInfo, Orientation } from "../info.ts";
import { firstWebpFrame, webpChunks } from "../decode/webp_chunks.ts";

/**
 * Reads the container and the head of the first bitstream. Undefined when
 * there is no frame, or when canvas and bitstream disagree.
 */
export function sniffWebp(b: ByteReader): ImageInfo | undefined {
  const frame = firstWebpFrame(b);
  if (frame === undefined || frame.width === 0 || frame.height === 0) {
    return undefined;
  }
  const extended = b.has("VP8X", 12);
  const animated = extended && (b.u8(20) & 0x02) !== 0;
  const width = extended ? b.le24(24) + 1 : frame.width;
  const height = extended ? b.le24(27) + 1 : frame.height;
  const fits = animated
    ? frame.x + frame.width <= width && frame.y + frame.height <= height
    : frame.width === width && frame.height === height;
  if (!fits) return undefined;

  let orientation: Orientation = 1;
  let icc = false;
  if (extended) {
    for (const chunk of webpChunks(b, 12, b.length)) {
      if (chunk.name === "ICCP") icc = true;
      if (chunk.name !== "EXIF") continue;
      // Some writers put the JPEG prefix before the TIFF header.
      const prefix = b.has("Exif\0\0", chunk.start) ? 6 : 0;
      orientation = exifOrientation(b, chunk.start + prefix, chunk.end);
    }
  }
  return {
    format: "webp",
    width,
    height,
    orientation,
    animated,
    alpha: frame.alpha || animated,
    icc,
    colours: "rgb",
    bytesPerPixel: 12,
    cost: 12,
  };
}
