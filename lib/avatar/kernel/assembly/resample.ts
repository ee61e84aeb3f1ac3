// The separable filter: columns of source rows into one line of floats, then
// along that line into one row of RGBA pixels. The caller provides the weights;
// every output sample has the same number of taps.

/** A line holds 8-bit values times this: 64 for the samples, 16384 for the weights. */
const OPAQUE_SCALE: f32 = 64 * 16384;
/** The same with alpha, whose samples are times 255 and over 4. */
const ALPHA_SCALE: f32 = 63.75 * 16384;

/**
 * Weighted sums of neighbouring rows of 16-bit samples, `stride` bytes apart,
 * from `rows` on. Weights are signed 14-bit fractions, two rows in each of the
 * `pairs` 32-bit words. The floats in `line` are 16384 times the samples.
 */
export function filterColumns(
  rows: usize,
  stride: i32,
  weights: usize,
  pairs: i32,
  line: usize,
  samples: i32,
): void {
  for (let i = 0; i < samples; i += 8, rows += 16, line += 32) {
    let low = i32x4.splat(0);
    let high = i32x4.splat(0);
    let p = rows;
    for (let j = 0; j < pairs; j++) {
      const weight = v128.load32_splat(weights + (j << 2));
      const a = v128.load(p);
      p += stride;
      const b = v128.load(p);
      p += stride;
      low = i32x4.add(
        low,
        i32x4.dot_i16x8_s(
          i16x8.shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11),
          weight,
        ),
      );
      high = i32x4.add(
        high,
        i32x4.dot_i16x8_s(
          i16x8.shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15),
          weight,
        ),
      );
    }
    v128.store(line, f32x4.convert_i32x4_s(low));
    v128.store(line, f32x4.convert_i32x4_s(high), 16);
  }
}

/** Opaque RGB line to RGBA pixels. Reads one float past the end of the line. */
export function filterLineRgb(
  line: usize,
  target: usize,
  width: i32,
  weights: usize,
  starts: usize,
  taps: i32,
): void {
  const scale = f32x4.splat(1 / OPAQUE_SCALE);
  const half = f32x4.splat(0.5);
  for (let x = 0; x < width; x++) {
    let p = line + <usize> (load<i32>(starts + (x << 2)) * 12);
    let sum = f32x4.splat(0);
    for (let k = 0; k < taps; k++, p += 12, weights += 4) {
      sum = f32x4.add(
        sum,
        f32x4.mul(v128.load32_splat(weights), v128.load(p)),
      );
    }
    const rounded = i32x4.trunc_sat_f32x4_s(
      f32x4.add(f32x4.mul(sum, scale), half),
    );
    const words = i16x8.narrow_i32x4_s(rounded, rounded);
    const pixel = i32x4.extract_lane(i8x16.narrow_i16x8_u(words, words), 0);
    store<u32>(target + (x << 2), pixel | 0xff000000);
  }
}

/** Premultiplied RGBA line to plain RGBA pixels; below half a step of alpha a pixel is 0. */
export function filterLineRgba(
  line: usize,
  target: usize,
  width: i32,
  weights: usize,
  starts: usize,
  taps: i32,
): void {
  const half = f32x4.splat(0.5);
  for (let x = 0; x < width; x++) {
    let p = line + (<usize> load<i32>(starts + (x << 2)) << 4);
    let sum = f32x4.splat(0);
    for (let k = 0; k < taps; k++, p += 16, weights += 4) {
      sum = f32x4.add(
        sum,
        f32x4.mul(v128.load32_splat(weights), v128.load(p)),
      );
    }
    const alpha = f32x4.extract_lane(sum, 3);
    if (alpha < ALPHA_SCALE / 2) {
      store<u32>(target + (x << 2), 0);
      continue;
    }
    // Colour over alpha, which have the same scale; alpha over its scale.
    const divisor = f32x4.replace_lane(
      f32x4.splat(255 / alpha),
      3,
      1 / ALPHA_SCALE,
    );
    const rounded = i32x4.trunc_sat_f32x4_s(
      f32x4.add(f32x4.mul(sum, divisor), half),
    );
    const words = i16x8.narrow_i32x4_s(rounded, rounded);
    store<u32>(
      target + (x << 2),
      i32x4.extract_lane(i8x16.narrow_i16x8_u(words, words), 0),
    );
  }
}
