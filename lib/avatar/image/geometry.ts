/**
 * Placement of a picture in the result: pure arithmetic on sizes.
 *
 * @module
 */

/** How a picture is fitted when both sides are requested. */
export type Fit = "cover" | "contain" | "inside";

/** Width and height in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A rectangle in pixels; fractions are allowed. */
export interface Rect extends Size {
  readonly x: number;
  readonly y: number;
}

/** The requested size. */
export interface SizeRequest {
  /** Pixels at density 1. */
  readonly width?: number;
  /** Pixels at density 1. */
  readonly height?: number;
  readonly fit: Fit;
  /** Device pixels per requested pixel. */
  readonly density: number;
  /** Whether a small picture may be enlarged. */
  readonly enlarge: boolean;
}

/** The computed placement. */
export interface Placement {
  /** The result. */
  readonly canvas: Size;
  /** Part of the picture that is shown. */
  readonly crop: Rect;
  /** Position of that part on the canvas, in whole pixels. */
  readonly target: Rect;
}

/** The longest side that every output format can hold (that of WebP). */
const LONGEST_SIDE = 16383;

const side = (pixels: number) => Math.max(1, Math.round(pixels));

/**
 * Fits a picture of size `source` to the request. The result has at most
 * `maxSide` squared pixels.
 *
 * Both sides given: `cover` fills exactly that box, cropping the middle, and
 * `contain` shows the whole picture in it. `inside`, or one side given, scales
 * proportionally. Without `enlarge` the picture is enlarged only if a box of
 * exact size cannot be filled otherwise, and never by `density`.
 */
export function place(
  source: Size,
  request: SizeRequest,
  maxSide: number,
): Placement {
  const { width, height } = request;
  if (width === undefined || height === undefined || request.fit === "inside") {
    return scaled(source, request, maxSide);
  }
  return request.fit === "cover"
    ? covered(source, { width, height }, request, maxSide)
    : contained(source, { width, height }, request, maxSide);
}

/** Scales the whole picture proportionally. */
function scaled(
  source: Size,
  request: SizeRequest,
  maxSide: number,
): Placement {
  const { width = Infinity, height = Infinity, density, enlarge } = request;
  const wanted = density *
    Math.min(width / source.width, height / source.height);
  const scale = Math.min(
    enlarge && wanted < Infinity ? wanted : Math.min(1, wanted),
    maxSide / Math.sqrt(source.width * source.height),
    LONGEST_SIDE / Math.max(source.width, source.height),
  );
  const canvas = {
    width: side(source.width * scale),
    height: side(source.height * scale),
  };
  return {
    canvas,
    crop: { x: 0, y: 0, ...source },
    target: { x: 0, y: 0, ...canvas },
  };
}

/** The smaller one of the ratios of widths and heights. */
function smallerRatio(a: Size, b: Size): number {
  return Math.min(a.width / b.width, a.height / b.height);
}

/** The larger one of the ratios of widths and heights. */
function largerRatio(a: Size, b: Size): number {
  return Math.max(a.width / b.width, a.height / b.height);
}

function covered(
  source: Size,
  box: Size,
  request: SizeRequest,
  maxSide: number,
): Placement {
  const available = smallerRatio(source, box);
  const canvas = densified(box, request, available, maxSide);
  const shrink = smallerRatio(source, canvas);
  const width = canvas.width * shrink;
  const height = canvas.height * shrink;
  return {
    canvas,
    crop: {
      x: (source.width - width) / 2,
      y: (source.height - height) / 2,
      width,
      height,
    },
    target: { x: 0, y: 0, ...canvas },
  };
}

function contained(
  source: Size,
  box: Size,
  request: SizeRequest,
  maxSide: number,
): Placement {
  const available = largerRatio(source, box);
  const canvas = densified(box, request, available, maxSide);
  const fitting = smallerRatio(canvas, source);
  const scale = request.enlarge ? fitting : Math.min(1, fitting);
  const width = Math.min(canvas.width, side(source.width * scale));
  const height = Math.min(canvas.height, side(source.height * scale));
  return {
    canvas,
    crop: { x: 0, y: 0, ...source },
    target: {
      x: Math.floor((canvas.width - width) / 2),
      y: Math.floor((canvas.height - height) / 2),
      width,
      height,
    },
  };
}

/** The box times the density, as far as `available` pixels of the picture allow. */
function densified(
  box: Size,
  request: SizeRequest,
  available: number,
  maxSide: number,
): Size {
  const factor = Math.min(
    request.density,
    request.enlarge ? Infinity : Math.max(1, available),
    maxSide / Math.max(box.width, box.height),
  );
  return { width: side(box.width * factor), height: side(box.height * factor) };
}

/** The rectangle in pixels that are stored rotated by 90 degrees. */
export function transposed(rect: Rect): Rect {
  return { x: rect.y, y: rect.x, width: rect.height, height: rect.width };
}
