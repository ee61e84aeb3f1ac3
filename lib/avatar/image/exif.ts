/**
 * The orientation from EXIF data (Exif 3.0, tag 0x0112 of the first directory).
 *
 * @module
 */

import type { ByteReader } from "./byte_reader.ts";
import { asOrientation, type Orientation } from "./info.ts";

const ORIENTATION_TAG = 0x0112;
/** Maximum directory entries read. */
const MAX_ENTRIES = 512;

/**
 * Reads the orientation from the TIFF structure between `start` and `end`.
 * Malformed or missing data gives 1. Only the first directory is used, so that
 * the orientation of a thumbnail does not matter.
 */
export function exifOrientation(
  b: ByteReader,
  start: number,
  end: number,
): Orientation {
  if (start + 8 > end) return 1;
  const littleEndian = b.has("II", start);
  if (!littleEndian && !b.has("MM", start)) return 1;
  const read16 = (o: number) => littleEndian ? b.le16(o) : b.be16(o);
  const read32 = (o: number) => littleEndian ? b.le32(o) : b.be32(o);
  if (read16(start + 2) !== 42) return 1;

  const directory = start + read32(start + 4);
  if (directory + 2 > end) return 1;
  const entries = Math.min(read16(directory), MAX_ENTRIES);
  for (let i = 0; i < entries; i++) {
    const entry = directory + 2 + i * 12;
    if (entry + 12 > end) return 1;
    if (read16(entry) === ORIENTATION_TAG) {
      return asOrientation(read16(entry + 8));
    }
  }
  return 1;
}
