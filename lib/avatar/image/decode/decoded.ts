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

/** A decoded image, or one that is decoded while its rows are read. */
export interface Decoded extends Size {
  readonly layout: PixelLayout;
  /**
   * The rows from `first` on, once. Each may be a view of a decoder's memory,
   * valid until the next one.
   */
  rows(first: number): Iterable<Uint8Array>;
  /** Frees the pixels. Call it once. */
  free(): void;
}

/**
 * An image whose pixels are all in memory. `data` may be a view of a decoder's
 * memory, valid until `free` or the next decode of that format.
 */
export function wholeImage(
  data: Uint8Array,
  { width, height }: Size,
  layout: PixelLayout,
  free = () => {},
): Decoded & { readonly data: Uint8Array } {
  const rowBytes = width * BYTES[layout];
  return {
    data,
    width,
    height,
    layout,
    *rows(first) {
      for (let y = first; y < height; y++) {
        yield data.subarray(y * rowBytes, (y + 1) * rowBytes);
      }
    },
    free,
  };
}

/** The part `shown` of RGBA pixels with `stride` pixels in a row. */
export function croppedImage(
  data: Uint8Array,
  stride: number,
  shown: Rect,
): Decoded {
  const { x, y, width, height } = shown;
  return {
    width,
    height,
    layout: "rgba",
    *rows(first) {
      for (let row = first; row < height; row++) {
        const at = ((y + row) * stride + x) * 4;
        yield data.subarray(at, at + width * 4);
      }
    },
    free() {},
  };
}

/** Channels of the rows of `layout` for the resampler. */
export function channelsOf(layout: PixelLayout): RowFormat["channels"] {
  return layout === "rgba" ? 4 : 3;
}

/**
 * Pushes the rows of `image` until the resampler has enough. `fromInk` converts
 * rows of CMYK to RGB, in place of the plain conversion.
 */
export function feed(
  kernel: Kernel,
  image: Decoded,
  resampler: Resampler,
  fromInk?: (row: Uint8Array) => Uint8Array,
): void {
  const { width, layout } = image;
  const rowBytes = width * BYTES[layout];
  const input = kernel.allocate(rowBytes);
  const expands = layout === "gray" || layout === "cmyk";
  const output = expands ? kernel.allocate(width * 3) : input;
  const { bytes, run } = kernel;
  resampler.skipTo(resampler.firstRow);
  for (const row of image.rows(resampler.firstRow)) {
    if (fromInk !== undefined) bytes.set(fromInk(row), output);
    else {
      bytes.set(row, input);
      if (layout === "gray") run.expandGray(input, output, width);
      else if (layout === "cmyk") run.expandCmyk(input, output, width);
    }
    resampler.push(output);
    if (resampler.done) return;
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
