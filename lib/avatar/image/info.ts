/**
 * Facts of an image read before decoding.
 *
 * @module
 */

/** Input formats. */
export type InputFormat = "jpeg" | "png" | "gif" | "webp" | "avif";

/** The EXIF orientation: how the stored pixels must be rotated and mirrored. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** Kind of the samples in the file. */
export type ColourSpace = "gray" | "rgb" | "cmyk";

/** Result of {@linkcode sniff}, from the header of an image. */
export interface ImageInfo {
  readonly format: InputFormat;
  /** Stored width in pixels, before the orientation is applied. */
  readonly width: number;
  /** Stored height in pixels, before the orientation is applied. */
  readonly height: number;
  readonly orientation: Orientation;
  /** Whether there is more than one frame; the first is used. */
  readonly animated: boolean;
  /** Whether pixels may be transparent. */
  readonly alpha: boolean;
  /** Whether an ICC profile is embedded. */
  readonly icc: boolean;
  /** The colours that a profile must be for; that of a palette is RGB. */
  readonly colours: ColourSpace;
  /** Maximum bytes of memory per pixel to decode the image. */
  readonly bytesPerPixel: number;
  /**
   * Time per pixel in units of about 2 ns, a pass of the JPEG decoder; a
   * progressive JPEG takes one per scan.
   */
  readonly cost: number;
}

/** The media type of each format. */
export const MEDIA_TYPES: Readonly<Record<InputFormat, string>> = {
  jpeg: "image/jpeg",
  png: "image/png",
  gif: "image/gif",
  webp: "image/webp",
  avif: "image/avif",
};

/** Converts `value` to an orientation; anything but 1 to 8 becomes 1, as in browsers. */
export function asOrientation(value: number): Orientation {
  switch (value) {
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
    case 7:
    case 8:
      return value;
    default:
      return 1;
  }
}

/** Width and height after the orientation is applied. */
export function uprightSize(
  info: Pick<ImageInfo, "width" | "height" | "orientation">,
): { width: number; height: number } {
  const { width, height } = info;
  return info.orientation >= 5
    ? { width: height, height: width }
    : { width, height };
}
