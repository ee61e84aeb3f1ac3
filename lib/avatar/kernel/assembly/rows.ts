// Converts source rows for the resampler to signed 16-bit samples of at most 14
// bits, so that two of them fit one multiply-add. Opaque samples are 64 times
// their 8-bit value. Samples of images with alpha are multiplied by it and
// divided by 4; alpha itself is multiplied by 255 first, so that colour and
// alpha have the same scale.

/** Vector of the alpha of two RGBA pixels: each alpha at R, G and B, 255 at A. */
@inline
function weightsOfTwo(pixels: v128): v128 {
  const opaque = i8x16.splat(-1);
  const bytes = i8x16.shuffle(
    pixels,
    opaque,
    3, 3, 3, 16, 7, 7, 7, 16,
    16, 16, 16, 16, 16, 16, 16, 16,
  );
  return i16x8.extend_low_i8x16_u(bytes);
}

/** Two RGBA pixels times their alpha, unsigned 16 bits; alpha times 255. */
@inline
function premultiplyTwo(pixels: v128): v128 {
  return i16x8.mul(i16x8.extend_low_i8x16_u(pixels), weightsOfTwo(pixels));
}

/** Opaque samples, 8 to 16 bits. Reads and writes up to 15 samples past the end. */
export function widen(source: usize, target: usize, samples: i32): void {
  for (let i = 0; i < samples; i += 16, source += 16, target += 32) {
    const v = v128.load(source);
    const low = i16x8.extend_low_i8x16_u(v);
    const high = i16x8.extend_high_i8x16_u(v);
    v128.store(target, i16x8.shl(low, 6));
    v128.store(target, i16x8.shl(high, 6), 16);
  }
}

/** RGBA pixels to premultiplied samples. Reads and writes one pixel past the end. */
export function premultiply(source: usize, target: usize, pixels: i32): void {
  for (let i = 0; i < pixels; i += 2, source += 8, target += 16) {
    const two = premultiplyTwo(v128.load64_zero(source));
    v128.store(target, i16x8.shr_u(i16x8.add(two, i16x8.splat(2)), 2));
  }
}

/** Gray to RGB. */
export function expandGray(source: usize, target: usize, pixels: i32): void {
  for (let i = 0; i < pixels; i++, target += 3) {
    const value = load<u8>(source + i);
    store<u8>(target, value);
    store<u8>(target, value, 1);
    store<u8>(target, value, 2);
  }
}

/** CMYK ink to RGB without colour management: every ink darkens linearly. */
export function expandCmyk(source: usize, target: usize, pixels: i32): void {
  for (let i = 0; i < pixels; i++, source += 4, target += 3) {
    const light = 255 - <u32> load<u8>(source, 3);
    store<u8>(target, <u8> ((255 - <u32> load<u8>(source)) * light / 255));
    store<u8>(
      target,
      <u8> ((255 - <u32> load<u8>(source, 1)) * light / 255),
      1,
    );
    store<u8>(
      target,
      <u8> ((255 - <u32> load<u8>(source, 2)) * light / 255),
      2,
    );
  }
}

/** Palette indices to RGBA through a table of 256 pixels. */
export function expandPalette(
  source: usize,
  target: usize,
  pixels: i32,
  table: usize,
): void {
  for (let i = 0; i < pixels; i++) {
    const index = <usize> load<u8>(source + i);
    store<u32>(target + (i << 2), load<u32>(table + (index << 2)));
  }
}

/**
 * Adds one RGB row to the sums of its row of blocks, four floats per block.
 * Reads 1 byte past the end.
 */
export function boxAddRgb(
  source: usize,
  sums: usize,
  pixels: i32,
  factor: i32,
): void {
  for (let left = pixels; left > 0; left -= factor, sums += 16) {
    const n = min(factor, left);
    let sum = i32x4.splat(0);
    for (let i = 0; i < n; i++, source += 3) {
      const pixel = i16x8.extend_low_i8x16_u(v128.load32_zero(source));
      sum = i32x4.add(sum, i32x4.extend_low_i16x8_u(pixel));
    }
    v128.store(
      sums,
      f32x4.add(v128.load(sums), f32x4.convert_i32x4_u(sum)),
    );
  }
}

/** Adds one RGBA row, premultiplied, to the sums of its row of blocks. */
export function boxAddRgba(
  source: usize,
  sums: usize,
  pixels: i32,
  factor: i32,
): void {
  for (let left = pixels; left > 0; left -= factor, sums += 16) {
    const n = min(factor, left);
    let sum = i32x4.splat(0);
    let i = 0;
    for (; i + 2 <= n; i += 2, source += 8) {
      const two = premultiplyTwo(v128.load64_zero(source));
      sum = i32x4.add(
        sum,
        i32x4.add(
          i32x4.extend_low_i16x8_u(two),
          i32x4.extend_high_i16x8_u(two),
        ),
      );
    }
    if (i < n) {
      const one = premultiplyTwo(v128.load32_zero(source));
      sum = i32x4.add(sum, i32x4.extend_low_i16x8_u(one));
      source += 4;
    }
    v128.store(
      sums,
      f32x4.add(v128.load(sums), f32x4.convert_i32x4_u(sum)),
    );
  }
}

/**
 * Converts sums to 16-bit samples and clears them. Blocks are scaled by
 * `scale`, except the last, which may have fewer columns, by `lastScale`.
 * Writes one sample past the end when there are three channels.
 */
export function boxFlush(
  sums: usize,
  target: usize,
  blocks: i32,
  channels: i32,
  scale: f32,
  lastScale: f32,
): void {
  const zero = f32x4.splat(0);
  const half = f32x4.splat(0.5);
  let factor = f32x4.splat(scale);
  for (let i = 0; i < blocks; i++, sums += 16, target += channels << 1) {
    if (i == blocks - 1) factor = f32x4.splat(lastScale);
    const mean = i32x4.trunc_sat_f32x4_u(
      f32x4.add(f32x4.mul(v128.load(sums), factor), half),
    );
    v128.store64_lane(target, i16x8.narrow_i32x4_u(mean, mean), 0);
    v128.store(sums, zero);
  }
}
