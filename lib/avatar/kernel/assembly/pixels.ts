// Operations on the result's RGBA pixels, which are few.

/** Whether every pixel is opaque. */
export function isOpaque(pixels: usize, count: i32): bool {
  let all: u32 = 0xffffffff;
  for (let i = 0; i < count; i++) all &= load<u32>(pixels + (i << 2));
  return all >>> 24 == 255;
}

/** Composes the pixels on a background of one gray value. */
export function flatten(pixels: usize, count: i32, background: i32): void {
  for (let i = 0; i < count; i++, pixels += 4) {
    const alpha = <i32> load<u8>(pixels, 3);
    if (alpha == 255) continue;
    const rest = (255 - alpha) * background + 127;
    for (let c: usize = 0; c < 3; c++) {
      const value = (<i32> load<u8>(pixels + c) * alpha + rest) / 255;
      store<u8>(pixels + c, <u8> value);
    }
    store<u8>(pixels, 255, 3);
  }
}

/** Drops the alpha. */
export function toRgb(source: usize, target: usize, count: i32): void {
  for (let i = 0; i < count; i++, source += 4, target += 3) {
    store<u16>(target, load<u16>(source));
    store<u8>(target, load<u8>(source, 2), 2);
  }
}

/**
 * Converts between RGB spaces: a curve for each channel (three tables of 256
 * floats), a 3 by 3 matrix (row by row), and a table of `steps` + 1 bytes that
 * encodes 0 to 1.
 */
export function convertColours(
  pixels: usize,
  count: i32,
  curves: usize,
  matrix: usize,
  encode: usize,
  steps: i32,
): void {
  const top = <f32> steps;
  for (let i = 0; i < count; i++, pixels += 4) {
    const r = load<f32>(curves + (<usize> load<u8>(pixels) << 2));
    const g = load<f32>(curves + 1024 + (<usize> load<u8>(pixels, 1) << 2));
    const b = load<f32>(curves + 2048 + (<usize> load<u8>(pixels, 2) << 2));
    for (let c: usize = 0; c < 3; c++) {
      const m = matrix + c * 12;
      const light = load<f32>(m) * r + load<f32>(m, 4) * g +
        load<f32>(m, 8) * b;
      const step = <i32> (max<f32>(0, min<f32>(1, light)) * top + 0.5);
      store<u8>(pixels + c, load<u8>(encode + step));
    }
  }
}

/** Rotates and mirrors by EXIF orientation 2 to 8; sides are those of the source. */
export function orient(
  source: usize,
  target: usize,
  width: i32,
  height: i32,
  orientation: i32,
): void {
  const right = width - 1;
  const bottom = height - 1;
  const outWidth = orientation >= 5 ? height : width;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++, source += 4) {
      let toX = x;
      let toY = y;
      if (orientation == 2) toX = right - x; // mirrored left to right
      else if (orientation == 3) { // upside down
        toX = right - x;
        toY = bottom - y;
      } else if (orientation == 4) toY = bottom - y; // mirrored top to bottom
      else if (orientation == 5) { // mirrored along the main diagonal
        toX = y;
        toY = x;
      } else if (orientation == 6) { // needs a quarter turn clockwise
        toX = bottom - y;
        toY = x;
      } else if (orientation == 7) { // mirrored along the other diagonal
        toX = bottom - y;
        toY = right - x;
      } else if (orientation == 8) { // needs a quarter turn counter-clockwise
        toX = y;
        toY = right - x;
      }
      store<u32>(
        target + (<usize> (toY * outWidth + toX) << 2),
        load<u32>(source),
      );
    }
  }
}
