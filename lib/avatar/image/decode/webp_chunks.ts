/**
 * The RIFF container of WebP (RFC 9649): its chunks and its first frame.
 *
 * @module
 */

import type { ByteReader } from "../byte_reader.ts";

/** Location of a chunk's data. */
export interface WebpChunk {
  readonly name: string;
  /** First byte of the data. */
  readonly start: number;
  /** End of the data (exclusive), clamped to the file. */
  readonly end: number;
}

/** Location of the pixels of a still image or of the first frame. */
export interface WebpFrame {
  /** Left edge on the canvas. */
  readonly x: number;
  /** Top edge on the canvas. */
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly alpha: boolean;
  /** `VP8 ` or `VP8L`. */
  readonly image: WebpChunk;
  /** The separate alpha plane of a lossy frame. */
  readonly alphaPlane: WebpChunk | undefined;
}

/** Maximum chunks read in one container or frame. */
const MAX_CHUNKS = 256;

/** The chunks between `start` and `end`, at most 256. */
export function* webpChunks(
  b: ByteReader,
  start: number,
  end: number,
): Generator<WebpChunk> {
  let o = start;
  for (let n = 0; o + 8 <= end && n < MAX_CHUNKS; n++) {
    const length = b.le32(o + 4);
    const name = String.fromCharCode(
      b.u8(o),
      b.u8(o + 1),
      b.u8(o + 2),
      b.u8(o + 3),
    );
    yield { name, start: o + 8, end: Math.min(end, o + 8 + length) };
    o += 8 + length + (length & 1);
  }
}

/** Size and transparency from the bitstream of a `VP8 ` or `VP8L` chunk. */
function bitstreamSize(
  b: ByteReader,
  { name, start, end }: WebpChunk,
): { width: number; height: number; alpha: boolean } | undefined {
  if (name === "VP8 ") { // RFC 6386, section 9.1: frame tag, start code, sizes
    if (start + 10 > end || !b.has("\x9d\x01\x2a", start + 3)) return undefined;
    return {
      width: b.le16(start + 6) & 0x3fff,
      height: b.le16(start + 8) & 0x3fff,
      alpha: false,
    };
  }
  if (start + 5 > end || b.u8(start) !== 0x2f) return undefined;
  const bits = b.le32(start + 1);
  return {
    width: (bits & 0x3fff) + 1,
    height: ((bits >>> 14) & 0x3fff) + 1,
    alpha: ((bits >>> 28) & 1) === 1,
  };
}

/** The still image, or the first frame of an animation; undefined when there is none. */
export function firstWebpFrame(
  b: ByteReader,
  start = 12,
  end = b.length,
): WebpFrame | undefined {
  let alphaPlane: WebpChunk | undefined;
  for (const chunk of webpChunks(b, start, end)) {
    if (chunk.name === "ANMF" && start === 12) {
      const frame = firstWebpFrame(b, chunk.start + 16, chunk.end);
      if (frame === undefined) return undefined;
      // The frame's size must be that of its bitstream.
      if (b.le24(chunk.start + 6) + 1 !== frame.width) return undefined;
      if (b.le24(chunk.start + 9) + 1 !== frame.height) return undefined;
      const x = b.le24(chunk.start) * 2;
      const y = b.le24(chunk.start + 3) * 2;
      return { ...frame, x, y };
    }
    if (chunk.name === "ALPH") alphaPlane = chunk;
    if (chunk.name === "VP8 " || chunk.name === "VP8L") {
      const size = bitstreamSize(b, chunk);
      if (size === undefined) return undefined;
      const alpha = size.alpha || alphaPlane !== undefined;
      return { ...size, alpha, x: 0, y: 0, image: chunk, alphaPlane };
    }
  }
  return undefined;
}
