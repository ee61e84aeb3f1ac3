// The separable filter: columns of source rows into one line of floats, then
// along that line into one row of RGBA pixels. Weights come from the caller;
// every output sample has the same number of taps.

/**
 * Weighted sum of `taps` rows of 16-bit samples. The rows lie in a ring of
 * `capacity` rows, `stride` bytes apart (a multiple of 16); `first` is the
 * place of the first row in the ring.
 */
export function filterColumns(
  ring: usize,
  stride: i32,
  capacity: i32,
  first: i32,
  weights: usize,
  taps: i32,
  line: usize,
  samples: i32,
): void {
  const untilWrap = min(taps, capacity - first);
  const start = ring + <usize> (first * stride);
  for (let i = 0; i < samples; i += 8, line += 32) {
    let low = f32x4.splat(0);
    let high = f32x4.splat(0);
    let p = start + (i << 1);
    for (let j = 0; j < taps; j++, p += stride) {
      if (j == untilWrap) p = ring + (i << 1);
      const weight = v128.load32_splat(weights + (j << 2));
      const v = v128.load(p);
      low = f32x4.add(
        low,
        f32x4.mul(weight, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(v))),
      );
      high = f32x4.add(
        high,
        f32x4.mul(weight, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_u(v))),
      );
    }
    v128.store(line, low);
    v128.store(line, high, 16);
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
  const scale = f32x4.splat(1.0 / 255.0);
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
    if (alpha < 127.5) {
      store<u32>(target + (x << 2), 0);
      continue;
    }
    // Colour over alpha, both times 255; the alpha lane over 255 alone.
    const divisor = f32x4.replace_lane(
      f32x4.splat(<f32> (255.0 / alpha)),
      3,
      <f32> (1.0 / 255.0),
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
