/**
 * The first frame of a GIF by imagescript's decoder.
 *
 * @module
 */

import { corrupt, type Decoded, onCanvas } from "./decoded.ts";
import type { Size } from "../geometry.ts";
import { gif as gifModule } from "../wasm_modules.js";

interface GifExports {
  readonly memory: WebAssembly.Memory;
  walloc(bytes: number): number;
  /** Handle of a decoder, 0 when the header cannot be read. */
  decoder_new(address: number, bytes: number, limit: number): number;
  decoder_width(decoder: number): number;
  decoder_height(decoder: number): number;
  /** Handle of the next frame; 0 and 1 mean there is none. */
  decoder_frame(decoder: number): number;
  decoder_frame_x(frame: number): number;
  decoder_frame_y(frame: number): number;
  decoder_frame_width(frame: number): number;
  decoder_frame_height(frame: number): number;
  decoder_frame_buffer(frame: number): number;
}

/**
 * Decodes the first frame onto its canvas; uncovered areas are transparent.
 * `size` is the sniffed size, to which the limits were applied, so the decoder
 * must find the same.
 *
 * Throws AppError `UNPROCESSABLE` when the file is corrupt.
 */
export function decodeGif(bytes: Uint8Array, size: Size): Decoded {
  try {
    return firstFrame(bytes, size);
  } catch (error) {
    throw corrupt("GIF", error);
  }
}

function firstFrame(bytes: Uint8Array, size: Size): Decoded {
  // A new instance: the decoder of the last file cannot be freed.
  const wasm = new WebAssembly.Instance(gifModule, {
    env: { push_to_stream() {} },
  }).exports as unknown as GifExports;
  const input = wasm.walloc(bytes.length);
  new Uint8Array(wasm.memory.buffer, input, bytes.length).set(bytes);
  const decoder = wasm.decoder_new(input, bytes.length, 0);
  if (decoder === 0) throw new Error("the header cannot be read");
  const frame = wasm.decoder_frame(decoder);
  if (frame < 2) throw new Error("there is no frame");

  const x = wasm.decoder_frame_x(frame);
  const y = wasm.decoder_frame_y(frame);
  const frameWidth = wasm.decoder_frame_width(frame);
  const frameHeight = wasm.decoder_frame_height(frame);
  const width = Math.max(wasm.decoder_width(decoder), x + frameWidth);
  const height = Math.max(wasm.decoder_height(decoder), y + frameHeight);
  if (width !== size.width || height !== size.height) {
    throw new Error(`${width} by ${height} pixels after all`);
  }
  const pixels = new Uint8Array(
    wasm.memory.buffer,
    wasm.decoder_frame_buffer(frame),
    frameWidth * frameHeight * 4,
  );
  return {
    data: onCanvas(
      pixels,
      { x, y, width: frameWidth, height: frameHeight },
      size,
    ),
    width,
    height,
    layout: "rgba",
    free() {},
  };
}
