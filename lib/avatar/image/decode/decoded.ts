/**
 * Decoded pixels, and how they are fed to the kernel.
 *
 * @module
 */

import { AppError } from "../../../errors.ts";
import type { Address, Kernel } from "../../kernel/kernel.ts";
import type { Rect, Size } from "../geometry.ts";
import type { Resampler, RowFormat } from "../../kernel/resampler.ts";

/** Sample layout: one, three or four bytes per pixel; CMYK as ink (0 is paper). */
export type PixelLayout = "gray" | "rgb" | "rgba" | "cmyk";

const BYTES: Readonly<Record<PixelLayout, number>> = {
  gray: 1,
  rgb: 3,
  rgba: 4,
  cmyk: 4,
};

/** RGBA pixels in the kernel's memory. */
export interface KernelPixels extends Size {
  readonly pixels: Address;
}

/**
 * A decoded image. `data` may be a view of a decoder's memory, valid until
 * {@linkcode Decoded.free} or the next decode of that format.
 */
export interface Decoded {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly layout: PixelLayout;
  /** Frees the pixels. Call it once. */
  free(): void;
}

/** Channels of the rows of `layout` for the resampler. */
export function channelsOf(layout: PixelLayout): RowFormat["channels"] {
  return layout === "rgba" ? 4 : 3;
}

/** Pushes the rows of `image` until the resampler has enough. */
export function feed(
  kernel: Kernel,
  image: Decoded,
  resampler: Resampler,
): void {
  const { width, height, layout, data } = image;
  const rowBytes = width * BYTES[layout];
  const input = kernel.allocate(rowBytes);
  const expands = layout === "gray" || layout === "cmyk";
  const output = expands ? kernel.allocate(width * 3) : input;
  const { bytes, run } = kernel;
  resampler.skipTo(resampler.firstRow);
  for (let y = resampler.firstRow; y < height && !resampler.done; y++) {
    bytes.set(data.subarray(y * rowBytes, (y + 1) * rowBytes), input);
    if (layout === "gray") run.expandGray(input, output, width);
    else if (layout === "cmyk") run.expandCmyk(input, output, width);
    resampler.push(output);
  }
}

/**
 * Places the RGBA pixels of a frame on a transparent canvas, or returns them
 * unchanged if they fill it.
 */
export function onCanvas(
  pixels: Uint8Array,
  frame: Rect,
  canvas: Size,
): Uint8Array {
  if (frame.width === canvas.width && frame.height === canvas.height) {
    return pixels;
  }
  const data = new Uint8Array(canvas.width * canvas.height * 4);
  const rowBytes = frame.width * 4;
  for (let row = 0; row < frame.height; row++) {
    const from = row * rowBytes;
    const at = ((row + frame.y) * canvas.width + frame.x) * 4;
    data.set(pixels.subarray(from, from + rowBytes), at);
  }
  return data;
}

/** The error for an image that cannot be decoded; `cause` is only logged. */
export function corrupt(format: string, cause?: unknown): AppError {
  return new AppError(
    "UNPROCESSABLE",
    `The picture is a broken ${format} file. Upload it again.`,
    { cause },
  );
}

/** Instances whose memory outgrew this many bytes are dropped after use. */
export const MAX_KEPT_MEMORY = 48 << 20;
