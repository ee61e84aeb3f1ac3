/**
 * sharp, as the reference for fidelity and speed. Used only by these tests: it
 * is native code and not part of the program.
 *
 * @module
 */

/** The part of sharp that is used here. */
export interface Sharp {
  autoOrient(): Sharp;
  resize(
    width: number,
    height: number,
    options?: { fit: "cover" | "inside"; withoutEnlargement?: boolean },
  ): Sharp;
  toColourspace(space: "srgb"): Sharp;
  ensureAlpha(): Sharp;
  removeAlpha(): Sharp;
  clone(): Sharp;
  withIccProfile(name: "p3"): Sharp;
  webp(options: { quality?: number; lossless?: boolean }): Sharp;
  avif(options: { lossless: boolean }): Sharp;
  jpeg(
    options: {
      quality: number;
      progressive?: boolean;
      chromaSubsampling?: "4:4:4";
    },
  ): Sharp;
  png(options?: { compressionLevel?: number }): Sharp;
  raw(): Sharp;
  toBuffer(): Promise<Uint8Array<ArrayBuffer>>;
  toBuffer(options: { resolveWithObject: true }): Promise<{
    data: Uint8Array<ArrayBuffer>;
    info: { width: number; height: number };
  }>;
}

interface SharpFactory {
  (
    input: Uint8Array,
    options?: {
      raw?: { width: number; height: number; channels: 3 | 4 };
      failOn?: "none";
    },
  ): Sharp;
  cache(enabled: boolean): void;
  concurrency(threads: number): void;
  versions: Readonly<Record<string, string>>;
}

// Not a literal, so that the program's dependencies stay free of it.
const PACKAGE = "npm:sharp@0.35.5";

const { default: factory } = await import(PACKAGE) as { default: SharpFactory };
factory.cache(false);
factory.concurrency(1);

/** Opens a picture. */
export const sharp = factory;

/** Side of the windows of {@linkcode ssim}. */
const WINDOW = 8;

/**
 * Structural similarity of two RGBA images of one size, 1 for equal ones: the
 * mean over luma in windows of 8 by 8 pixels, every 4 pixels.
 */
export function ssim(a: Uint8Array, b: Uint8Array, width: number): number {
  const height = a.length / 4 / width;
  const la = luma(a);
  const lb = luma(b);
  let sum = 0;
  let windows = 0;
  for (let y = 0; y + WINDOW <= height; y += WINDOW / 2) {
    for (let x = 0; x + WINDOW <= width; x += WINDOW / 2) {
      sum += windowSsim(la, lb, y * width + x, width);
      windows++;
    }
  }
  return sum / windows;
}

function windowSsim(
  a: Float64Array,
  b: Float64Array,
  start: number,
  stride: number,
): number {
  let [sa, sb, saa, sbb, sab] = [0, 0, 0, 0, 0];
  for (let y = 0; y < WINDOW; y++) {
    for (let x = 0; x < WINDOW; x++) {
      const p = a[start + y * stride + x] ?? 0;
      const q = b[start + y * stride + x] ?? 0;
      sa += p;
      sb += q;
      saa += p * p;
      sbb += q * q;
      sab += p * q;
    }
  }
  const n = WINDOW * WINDOW;
  const ma = sa / n;
  const mb = sb / n;
  const c1 = (0.01 * 255) ** 2;
  const c2 = (0.03 * 255) ** 2;
  return (2 * ma * mb + c1) * (2 * (sab / n - ma * mb) + c2) /
    ((ma * ma + mb * mb + c1) *
      (saa / n - ma * ma + sbb / n - mb * mb + c2));
}

function luma(rgba: Uint8Array): Float64Array {
  return Float64Array.from({ length: rgba.length / 4 }, (_, i) => {
    const [r = 0, g = 0, b = 0] = rgba.subarray(i * 4, i * 4 + 3);
    return 0.299 * r + 0.587 * g + 0.114 * b;
  });
}

/** Peak signal-to-noise ratio of the colours of two RGBA images, in dB. */
export function psnr(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    if (i % 4 !== 3) sum += ((a[i] ?? 0) - (b[i] ?? 0)) ** 2;
  }
  return 10 * Math.log10(255 ** 2 / (sum / (a.length * 3 / 4)));
}
