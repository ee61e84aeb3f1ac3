/**
 * Header of JPEG files (ITU-T T.81, annex B).
 *
 * @module
 */

import type { ByteReader } from "../byte_reader.ts";
import { exifOrientation } from "../exif.ts";
import type { ColourSpace, ImageInfo, Orientation } from "../info.ts";

/** A baseline JPEG needs one scan, or one per component. */
const MAX_BASELINE_SCANS = 8;

/** Colours by the number of components. */
const COLOURS: Readonly<Record<number, ColourSpace>> = {
  1: "gray",
  3: "rgb",
  4: "cmyk",
};

const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;
const APP1 = 0xe1;
const APP2 = 0xe2;

/** Frame headers of baseline, extended and progressive files, and of arithmetic ones. */
const FRAMES = [0xc0, 0xc1, 0xc2, 0xc9, 0xca];
const PROGRESSIVE = [0xc2, 0xca];
/** Arithmetic coding takes this many times as long as Huffman coding. */
const ARITHMETIC_COST = 4;

/** Whether a marker starts a frame header: SOF0 to SOF15 without DHT, JPG and DAC. */
const isFrameHeader = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 &&
  marker !== 0xcc;

/** Markers without length: a stuffed zero, TEM, restarts, a second SOI. */
const standsAlone = (marker: number) =>
  marker <= 1 || (marker >= 0xd0 && marker <= SOI);

/**
 * Walks all markers to the end of the file, so that every scan is counted.
 * Undefined when the file is truncated before its first scan, uses an
 * unsupported coding (lossless, hierarchical, 12 bits), or has two frame
 * headers, the second of which could hide another size.
 */
export function sniffJpeg(b: ByteReader): ImageInfo | undefined {
  let frame: { o: number; marker: number } | undefined;
  let orientation: Orientation | undefined;
  let scans = 0;
  let icc = false;

  for (let o = 2; o + 4 <= b.length;) {
    if (b.u8(o) !== 0xff) { // coded data or junk: skip to the next marker
      o = b.indexOf(0xff, o);
      if (o < 0) break;
      continue;
    }
    const marker = b.u8(o + 1);
    if (marker === 0xff) { // fill byte
      o++;
      continue;
    }
    if (marker === EOI) break;
    if (standsAlone(marker)) {
      o += 2;
      continue;
    }
    const length = b.be16(o + 2);
    if (length < 2) return undefined;
    const end = Math.min(b.length, o + 2 + length);
    if (isFrameHeader(marker)) {
      if (frame !== undefined || !FRAMES.includes(marker)) return undefined;
      frame = { o, marker };
    } else if (marker === APP1 && b.has("Exif\0\0", o + 4)) {
      orientation ??= exifOrientation(b, o + 10, end);
    } else if (marker === APP2 && b.has("ICC_PROFILE\0", o + 4)) {
      icc = true;
    } else if (marker === SOS) {
      if (frame === undefined) return undefined;
      scans++;
      const isProgressive = PROGRESSIVE.includes(frame.marker);
      if (!isProgressive && scans > MAX_BASELINE_SCANS) return undefined;
    }
    o = end;
  }

  if (frame === undefined || scans === 0) return undefined;
  const height = b.be16(frame.o + 5);
  const width = b.be16(frame.o + 7);
  const colours = COLOURS[b.u8(frame.o + 9)];
  if (width === 0 || height === 0 || colours === undefined) return undefined;
  if (b.u8(frame.o + 4) !== 8) return undefined; // bits of a sample
  const buffered = PROGRESSIVE.includes(frame.marker) || scans > 1;
  const passes = frame.marker > 0xc2 ? scans * ARITHMETIC_COST : scans;
  return {
    format: "jpeg",
    width,
    height,
    orientation: orientation ?? 1,
    animated: false,
    alpha: false,
    icc,
    colours,
    // Rows are streamed; files of several scans need all coefficients of 16 bits.
    bytesPerPixel: buffered ? 2 * samplesPerPixel(b, frame.o + 9) : 0,
    cost: buffered ? Math.max(2, passes) : passes,
  };
}

/**
 * Samples stored for a pixel, by the sampling factors of the components, whose
 * number is at `offset` (section B.2.2).
 */
function samplesPerPixel(b: ByteReader, offset: number): number {
  const factors = Array.from({ length: b.u8(offset) }, (_, i) => {
    const packed = b.u8(offset + 2 + i * 3);
    return { h: packed >> 4, v: packed & 15 };
  });
  const most = Math.max(...factors.map(({ h }) => h)) *
    Math.max(...factors.map(({ v }) => v));
  const sum = factors.reduce((sum, { h, v }) => sum + h * v, 0);
  return most === 0 ? factors.length : sum / most;
}
