/**
 * Renders an uploaded picture to a small, upright sRGB image: sniff, limits,
 * decode, crop and resize, colour, orientation, encode. A pure function of
 * bytes and request.
 *
 * @module
 */

import { Kernel } from "../kernel/kernel.ts";
import { Resampler } from "../kernel/resampler.ts";
import { decodeAvif } from "./decode/decode_avif.ts";
import { decodeGif } from "./decode/decode_gif.ts";
import { decodeJpeg } from "./decode/decode_jpeg.ts";
import {
  decodeWholePng,
  isInterlaced,
  streamPng,
} from "./decode/decode_png.ts";
import { decodeWebp } from "./decode/decode_webp.ts";
import {
  channelsOf,
  type Decoded,
  feed,
  type KernelPixels,
  MAX_KEPT_MEMORY,
} from "./decode/decoded.ts";
import { convertToSrgb, inkConversion } from "./colour/colours.ts";
import { encode, type OutputFormat } from "./encode.ts";
import {
  place,
  type Placement,
  type Rect,
  type Size,
  type SizeRequest,
  transposed,
} from "./geometry.ts";
import { type ImageInfo, uprightSize } from "./info.ts";
import { checkedSniff, type ImageLimits } from "./image_limits.ts";
import { kernel as kernelModule } from "./wasm_modules.js";

/** How to render a picture. */
export interface RenderRequest extends SizeRequest {
  readonly format: OutputFormat;
  /** 1 to 100, for WebP and JPEG. */
  readonly quality: number;
}

/** A finished image. */
export interface Rendered extends Size {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Up to this many pixels the reduced decode must have a higher resolution to stay sharp. */
const SMALL_TARGET = 96;

let shared: Kernel | undefined;

/**
 * Renders `bytes`. One call at a time: the kernel's memory is shared.
 *
 * Throws AppError `UNSUPPORTED_MEDIA_TYPE` and `UNPROCESSABLE` for bytes in no
 * supported format, too much work, or corrupt data.
 */
export async function render(
  bytes: Uint8Array,
  request: RenderRequest,
  limits: ImageLimits,
): Promise<Rendered> {
  const info = checkedSniff(bytes, limits);
  const placement = place(uprightSize(info), request, limits.maxSide);
  return await finish(
    request,
    (kernel) => draw(kernel, bytes, info, placement),
  );
}

/**
 * Encodes the pixels that `draw` leaves in the kernel. One call at a time: the
 * kernel's memory is shared.
 */
export async function finish(
  { format, quality }: Pick<RenderRequest, "format" | "quality">,
  draw: (kernel: Kernel) => KernelPixels | Promise<KernelPixels>,
): Promise<Rendered> {
  const kernel = shared ??= new Kernel(kernelModule);
  kernel.reset();
  try {
    const image = await draw(kernel);
    const { width, height } = image;
    const encoded = await encode(kernel, image, format, quality);
    return { bytes: encoded, width, height };
  } finally {
    // An instance that has grown large would keep its memory.
    if (kernel.size > MAX_KEPT_MEMORY) shared = undefined;
  }
}

/** The pixels of the result in the kernel's memory. */
async function draw(
  kernel: Kernel,
  bytes: Uint8Array,
  info: ImageInfo,
  placement: Placement,
): Promise<KernelPixels> {
  // All steps work on pixels as stored, so that only the small result has to be rotated.
  const sideways = info.orientation >= 5;
  const crop = sideways ? transposed(placement.crop) : placement.crop;
  const target = sideways ? transposed(placement.target) : placement.target;
  const pixels = await resample(kernel, bytes, info, crop, target);
  const stored = { pixels, width: target.width, height: target.height };
  convertToSrgb(kernel, bytes, info, stored);
  const upright = turn(kernel, stored, info.orientation);
  return onBackground(kernel, upright, placement);
}

/** Decodes and resamples the crop to the size of the target. */
async function resample(
  kernel: Kernel,
  bytes: Uint8Array,
  info: ImageInfo,
  crop: Rect,
  target: Size,
): Promise<number> {
  if (info.format === "png" && !isInterlaced(bytes)) {
    const resampler = await streamPng(
      kernel,
      bytes,
      (channels) =>
        new Resampler(
          kernel,
          { width: info.width, height: info.height, channels },
          crop,
          target.width,
          target.height,
        ),
    );
    return resampler.pixels;
  }
  const image = await decode(bytes, info, crop, target);
  try {
    const scaleX = image.width / info.width;
    const scaleY = image.height / info.height;
    const resampler = new Resampler(
      kernel,
      { ...image, channels: channelsOf(image.layout) },
      {
        x: crop.x * scaleX,
        y: crop.y * scaleY,
        width: crop.width * scaleX,
        height: crop.height * scaleY,
      },
      target.width,
      target.height,
    );
    const isInk = image.layout === "cmyk";
    const fromInk = isInk ? inkConversion(bytes, info) : undefined;
    feed(kernel, image, resampler, fromInk);
    return resampler.pixels;
  } finally {
    image.free();
  }
}

/** Decodes; JPEG and WebP only as large as the target needs. */
function decode(
  bytes: Uint8Array,
  info: ImageInfo,
  crop: Size,
  target: Size,
): Decoded | Promise<Decoded> {
  switch (info.format) {
    case "jpeg":
      return decodeJpeg(bytes, info, reducedSize(info, crop, target));
    case "png":
      return decodeWholePng(bytes);
    case "gif":
      return decodeGif(bytes, info);
    case "webp":
      return decodeWebp(bytes, info, reducedSize(info, crop, target));
    case "avif":
      return decodeAvif(bytes, info);
  }
}

/**
 * Minimum size from the decoder: 1.5 times the target, for small targets
 * twice. That is closer to a full decode than the default of libvips.
 */
function reducedSize(info: ImageInfo, crop: Size, target: Size): Size {
  const small = Math.min(target.width, target.height) <= SMALL_TARGET;
  const headroom = small ? 2 : 1.5;
  return {
    width: Math.ceil(info.width * target.width / crop.width * headroom),
    height: Math.ceil(info.height * target.height / crop.height * headroom),
  };
}

/** Applies the orientation. */
function turn(
  kernel: Kernel,
  image: KernelPixels,
  orientation: ImageInfo["orientation"],
): KernelPixels {
  if (orientation === 1) return image;
  const { width, height } = image;
  const pixels = kernel.allocate(width * height * 4);
  kernel.run.orient(image.pixels, pixels, width, height, orientation);
  return orientation >= 5
    ? { pixels, width: height, height: width }
    : { pixels, width, height };
}

/** Places the image on a transparent canvas. */
function onBackground(
  kernel: Kernel,
  image: KernelPixels,
  { canvas, target }: Placement,
): KernelPixels {
  if (canvas.width === image.width && canvas.height === image.height) {
    return image;
  }
  const pixels = kernel.allocate(canvas.width * canvas.height * 4, true);
  const rowBytes = image.width * 4;
  for (let y = 0; y < image.height; y++) {
    const from = image.pixels + y * rowBytes;
    const at = pixels + ((y + target.y) * canvas.width + target.x) * 4;
    kernel.bytes.copyWithin(at, from, from + rowBytes);
  }
  return { pixels, ...canvas };
}
