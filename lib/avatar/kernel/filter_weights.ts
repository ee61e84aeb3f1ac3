/**
 * The weights of the Lanczos filter.
 *
 * @module
 */

/** Lobes of the filter: samples on each side at the source's scale. */
export const REACH = 3;
/** Fractions as the kernel's integer weights. */
const ONE = 1 << 14;

/** The Lanczos window with three lobes: sinc(x) times sinc(x/3), zero beyond 3. */
function lanczos3(x: number): number {
  const distance = Math.abs(x);
  if (distance >= REACH) return 0;
  if (distance < 1e-7) return 1;
  const p = Math.PI * distance;
  return REACH * Math.sin(p) * Math.sin(p / REACH) / (p * p);
}

/** Filter weights of one axis, `taps` per output sample. */
export interface Weights {
  readonly taps: number;
  /** First source sample of each output sample. */
  readonly starts: Int32Array;
  readonly weights: Float32Array;
}

/**
 * Weights to resample `length` samples from `offset` on to `size` samples. Near
 * the ends the taps stay inside the source, and the weights always sum to 1.
 */
export function filterWeights(
  sourceSize: number,
  offset: number,
  length: number,
  size: number,
): Weights {
  const scale = length / size;
  const stretch = Math.max(1, scale); // widen the filter only when shrinking
  const reach = REACH * stretch;
  const taps = Math.min(sourceSize, Math.ceil(reach * 2) + 1);
  const starts = new Int32Array(size);
  const weights = new Float32Array(size * taps);
  for (let i = 0; i < size; i++) {
    const centre = offset + (i + 0.5) * scale - 0.5;
    const first = Math.max(0, Math.ceil(centre - reach));
    const start = Math.min(first, sourceSize - taps);
    let sum = 0;
    for (let k = 0; k < taps; k++) {
      const weight = lanczos3((start + k - centre) / stretch);
      weights[i * taps + k] = weight;
      sum += weight;
    }
    for (let k = i * taps; k < (i + 1) * taps; k++) {
      weights[k] = (weights[k] ?? 0) / sum;
    }
    starts[i] = start;
  }
  return { taps, starts, weights };
}

/**
 * The weights as 14-bit fractions, an even number per output sample; the
 * largest of each sample absorbs the rounding error, so that they sum to 1.
 */
export function integerWeights({ taps, weights }: Weights): Int16Array {
  const even = taps + (taps & 1);
  const rows = weights.length / taps;
  const out = new Int16Array(rows * even);
  for (let i = 0; i < rows; i++) {
    let rest = ONE;
    let largest = 0;
    for (let k = 0; k < taps; k++) {
      const rounded = Math.round((weights[i * taps + k] ?? 0) * ONE);
      out[i * even + k] = rounded;
      rest -= rounded;
      if (rounded > (out[i * even + largest] ?? 0)) largest = k;
    }
    out[i * even + largest] = (out[i * even + largest] ?? 0) + rest;
  }
  return out;
}
