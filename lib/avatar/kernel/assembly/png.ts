// The row filters of PNG (PNG 3rd edition, section 9). Rows have at least 16
// zero bytes before them and 16 spare bytes after them.

/** Paeth predictor (9.4) on sixteen bytes held as eight 16-bit lanes each. */
@inline
function paeth(a: v128, b: v128, c: v128): v128 {
  const toA = i16x8.abs(i16x8.sub(b, c));
  const toB = i16x8.abs(i16x8.sub(a, c));
  const toC = i16x8.abs(i16x8.sub(i16x8.add(a, b), i16x8.shl(c, 1)));
  const bOrC = v128.bitselect(b, c, i16x8.le_s(toB, toC));
  const takeA = v128.and(i16x8.le_s(toA, toB), i16x8.le_s(toA, toC));
  return v128.bitselect(a, bOrC, takeA);
}

@inline
function storePixel(target: usize, value: v128, bytesPerPixel: i32): void {
  if (bytesPerPixel == 4) {
    v128.store32_lane(target, value, 0);
  } else {
    v128.store16_lane(target, value, 0);
    v128.store8_lane(target, value, 2, 2);
  }
}

/** Undoes Sub, Average or Paeth on pixels of 3 or 4 bytes, a pixel at a time. */
function unfilterPixels(
  type: i32,
  row: usize,
  previous: usize,
  bytesPerPixel: i32,
  bytes: i32,
): void {
  let a = i8x16.splat(0);
  let c = i16x8.splat(0);
  for (let i = 0; i < bytes; i += bytesPerPixel) {
    const x = v128.load32_zero(row + i);
    if (type == 1) {
      a = i8x16.add(x, a);
    } else {
      const b = v128.load32_zero(previous + i);
      if (type == 3) {
        // avgr rounds up; the filter rounds down.
        const odd = v128.and(v128.xor(a, b), i8x16.splat(1));
        a = i8x16.add(x, i8x16.sub(i8x16.avgr_u(a, b), odd));
      } else {
        const wideB = i16x8.extend_low_i8x16_u(b);
        const predicted = paeth(i16x8.extend_low_i8x16_u(a), wideB, c);
        a = i8x16.add(x, i8x16.narrow_i16x8_u(predicted, predicted));
        c = wideB;
      }
    }
    storePixel(row + i, a, bytesPerPixel);
  }
}

/** The same for any pixel size, a byte at a time. */
function unfilterBytes(
  type: i32,
  row: usize,
  previous: usize,
  distance: i32,
  bytes: i32,
): void {
  for (let i = 0; i < bytes; i++) {
    const p = row + i;
    const a = <i32> load<u8>(p - distance);
    const b = <i32> load<u8>(previous + i);
    let predicted = a;
    if (type == 3) {
      predicted = (a + b) >> 1;
    } else if (type == 4) {
      const c = <i32> load<u8>(previous + i - distance);
      const toA = abs(b - c);
      const toB = abs(a - c);
      const toC = abs(a + b - c - c);
      predicted = toA <= toB && toA <= toC ? a : toB <= toC ? b : c;
    }
    store<u8>(p, <u8> (<i32> load<u8>(p) + predicted));
  }
}

/** Undoes the filter `type` (0 to 4) of one row in place; `distance` is the bytes of a pixel, at least 1. */
export function unfilter(
  type: i32,
  row: usize,
  previous: usize,
  distance: i32,
  bytes: i32,
): void {
  if (type == 0) return;
  if (type == 2) {
    for (let i = 0; i < bytes; i += 16) {
      v128.store(
        row + i,
        i8x16.add(v128.load(row + i), v128.load(previous + i)),
      );
    }
  } else if (distance == 3 || distance == 4) {
    unfilterPixels(type, row, previous, distance, bytes);
  } else {
    unfilterBytes(type, row, previous, distance, bytes);
  }
}

/** Residuals of sixteen bytes with filter `type`. */
@inline
function residual(type: i32, p: usize, previous: usize, distance: i32): v128 {
  const x = v128.load(p);
  if (type == 0) return x;
  if (type == 2) return i8x16.sub(x, v128.load(previous));
  const a = v128.load(p - distance);
  if (type == 1) return i8x16.sub(x, a);
  const b = v128.load(previous);
  if (type == 3) {
    const odd = v128.and(v128.xor(a, b), i8x16.splat(1));
    return i8x16.sub(x, i8x16.sub(i8x16.avgr_u(a, b), odd));
  }
  const c = v128.load(previous - distance);
  const low = paeth(
    i16x8.extend_low_i8x16_u(a),
    i16x8.extend_low_i8x16_u(b),
    i16x8.extend_low_i8x16_u(c),
  );
  const high = paeth(
    i16x8.extend_high_i8x16_u(a),
    i16x8.extend_high_i8x16_u(b),
    i16x8.extend_high_i8x16_u(c),
  );
  return i8x16.sub(x, i8x16.narrow_i16x8_u(low, high));
}

/** Sum of the residuals read as signed numbers: the usual measure of a filter. */
@inline
function cost(
  type: i32,
  row: usize,
  previous: usize,
  distance: i32,
  bytes: i32,
): i32 {
  let sum = i32x4.splat(0);
  for (let i = 0; i < bytes; i += 16) {
    const size = i8x16.abs(residual(type, row + i, previous + i, distance));
    sum = i32x4.add(
      sum,
      i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(size)),
    );
  }
  return i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) +
    i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3);
}

@inline
function write(
  type: i32,
  row: usize,
  previous: usize,
  distance: i32,
  bytes: i32,
  target: usize,
): void {
  for (let i = 0; i < bytes; i += 16) {
    v128.store(
      target + i,
      residual(type, row + i, previous + i, distance),
    );
  }
}

/**
 * Writes one row with the filter of the smallest residuals: the type, then the
 * bytes. Bytes after the row must be zero. Writes up to 15 bytes past the end.
 */
export function filterRow(
  row: usize,
  previous: usize,
  distance: i32,
  bytes: i32,
  target: usize,
): void {
  let best = 0;
  let least = cost(0, row, previous, distance, bytes);
  const sub = cost(1, row, previous, distance, bytes);
  if (sub < least) {
    best = 1;
    least = sub;
  }
  const up = cost(2, row, previous, distance, bytes);
  if (up < least) {
    best = 2;
    least = up;
  }
  const average = cost(3, row, previous, distance, bytes);
  if (average < least) {
    best = 3;
    least = average;
  }
  if (cost(4, row, previous, distance, bytes) < least) best = 4;

  store<u8>(target, <u8> best);
  if (best == 0) write(0, row, previous, distance, bytes, target + 1);
  else if (best == 1) write(1, row, previous, distance, bytes, target + 1);
  else if (best == 2) write(2, row, previous, distance, bytes, target + 1);
  else if (best == 3) write(3, row, previous, distance, bytes, target + 1);
  else write(4, row, previous, distance, bytes, target + 1);
}
