/**
 * Brings decoded pixels to sRGB, by the colours that the file declares: code
 * points before an ICC profile (PNG 3rd edition, section 4.3).
 *
 * @module
 */

import type { Kernel } from "../../kernel/kernel.ts";
import { cicpTransform } from "./cicp.ts";
import { profileConversion } from "./colour_codec.ts";
import {
  type ColourTransform,
  SRGB_STEPS,
  srgbEncoding,
} from "./colour_transform.ts";
import type { KernelPixels } from "../decode/decoded.ts";
import { extractCicp, extractIcc } from "./icc_extract.ts";
import { profileUse } from "./icc_profile.ts";
import type { ImageInfo } from "../info.ts";

/** Converts `image` to sRGB, in place. CMYK is converted before, row by row. */
export function convertToSrgb(
  kernel: Kernel,
  bytes: Uint8Array,
  info: ImageInfo,
  image: KernelPixels,
): void {
  if (info.colours === "cmyk") return;
  const cicp = extractCicp(bytes, info);
  if (cicp !== undefined) {
    const transform = cicpTransform(cicp);
    if (transform !== undefined) apply(kernel, image, transform);
    return;
  }
  const profile = extractIcc(bytes, info);
  if (profile === undefined) return;
  const use = profileUse(profile, info.colours);
  if (use.kind === "transform") apply(kernel, image, use.transform);
  else if (use.kind === "tables") {
    const pixels = kernel.view(image.pixels, image.width * image.height * 4);
    const converted = profileConversion(profile, 3)?.(pixels);
    if (converted !== undefined) pixels.set(converted);
  }
}

/** The conversion of rows of CMYK to RGB; undefined without a usable profile. */
export function inkConversion(
  bytes: Uint8Array,
  info: ImageInfo,
): ((row: Uint8Array) => Uint8Array) | undefined {
  const profile = extractIcc(bytes, info);
  if (profile === undefined) return undefined;
  return profileUse(profile, "cmyk").kind === "tables"
    ? profileConversion(profile, 4)
    : undefined;
}

function apply(
  kernel: Kernel,
  { pixels, width, height }: KernelPixels,
  { curves, matrix }: ColourTransform,
): void {
  kernel.run.convertColours(
    pixels,
    width * height,
    kernel.place(curves),
    kernel.place(matrix),
    kernel.place(srgbEncoding()),
    SRGB_STEPS,
  );
}
