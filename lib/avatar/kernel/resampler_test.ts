import assert from "node:assert/strict";
import fc from "fast-check";
import { kernel as module } from "../image/wasm_modules.js";
import { Kernel } from "./kernel.ts";
import { type CropRect, Resampler, type RowFormat } from "./resampler.ts";
import { filterWeights, integerWeights } from "./filter_weights.ts";

const kernel = new Kernel(module);

/** Runs the kernel over a whole image. */
function resample(
  source: RowFormat & { data: Uint8Array },
  crop: CropRect,
  width: number,
  height: number,
): Uint8Array {
  kernel.reset();
  const resampler = new Resampler(kernel, source, crop, width, height);
  const rowBytes = source.width * source.channels;
  const row = kernel.allocate(rowBytes);
  resampler.skipTo(resampler.firstRow);
  for (let y = resampler.firstRow; y < source.height; y++) {
    const from = y * rowBytes;
    kernel.bytes.set(source.data.subarray(from, from + rowBytes), row);
    resampler.push(row);
  }
  assert.ok(resampler.done);
  return kernel.view(resampler.pixels, width * height * 4).slice();
}

/** The same in plain floats, directly from the definition, without a box shrink. */
function reference(
  source: RowFormat & { data: Uint8Array },
  crop: CropRect,
  width: number,
  height: number,
): number[] {
  const { data, channels } = source;
  const columns = weightsOf(source.width, crop.x, crop.width, width);
  const rows = weightsOf(source.height, crop.y, crop.height, height);
  const out: number[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let [r, g, b, a] = [0, 0, 0, 0];
      for (const [j, v] of rows[y] ?? []) {
        for (const [i, u] of columns[x] ?? []) {
          const p = (j * source.width + i) * channels;
          const alpha = channels === 4 ? data[p + 3] ?? 0 : 255;
          const weight = v * u * alpha / 255;
          r += weight * (data[p] ?? 0);
          g += weight * (data[p + 1] ?? 0);
          b += weight * (data[p + 2] ?? 0);
          a += weight;
        }
      }
      const byte = (value: number) => Math.min(255, Math.max(0, value));
      if (a * 255 < 0.5) out.push(0, 0, 0, 0);
      else out.push(byte(r / a), byte(g / a), byte(b / a), byte(a * 255));
    }
  }
  return out;
}

/** The Lanczos window with three lobes, as a product of two sinc functions. */
function lanczos3(x: number): number {
  const sinc = (y: number) =>
    y === 0 ? 1 : Math.sin(Math.PI * y) / (Math.PI * y);
  return Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0;
}

function weightsOf(
  sourceSize: number,
  offset: number,
  length: number,
  size: number,
): [number, number][][] {
  const scale = length / size;
  const stretch = Math.max(1, scale);
  return Array.from({ length: size }, (_, i) => {
    const centre = offset + (i + 0.5) * scale - 0.5;
    const taps = Array.from(
      { length: sourceSize },
      (_, j): [number, number] => [j, lanczos3((j - centre) / stretch)],
    ).filter(([, weight]) => weight !== 0);
    const sum = taps.reduce((total, [, weight]) => total + weight, 0);
    return taps.map(([j, weight]) => [j, weight / sum]);
  });
}

/** Random images, from gray noise to hard edges, with and without alpha. */
const images = fc.record({
  width: fc.integer({ min: 1, max: 40 }),
  height: fc.integer({ min: 1, max: 40 }),
  channels: fc.constantFrom<3 | 4>(3, 4),
  seed: fc.nat(),
  opaque: fc.boolean(),
}).map(({ width, height, channels, seed, opaque }) => {
  const data = new Uint8Array(width * height * channels);
  let state = seed | 1;
  for (let i = 0; i < data.length; i++) {
    state = Math.imul(state, 1103515245) + 12345 | 0;
    data[i] = state >>> 16;
    if (opaque && channels === 4 && i % 4 === 3) data[i] = 255;
  }
  return { width, height, channels, data };
});

Deno.test("the kernel agrees with the definition of the filter", () => {
  fc.assert(
    fc.property(
      images,
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: 30 }),
      (source, width, height) => {
        // Only without a box shrink before the filter.
        fc.pre(source.width < 4 * width && source.height < 4 * height);
        const crop = {
          x: source.width * 0.1,
          y: 0,
          width: source.width * 0.8,
          height: source.height,
        };
        const got = resample(source, crop, width, height);
        const wanted = reference(source, crop, width, height);
        for (let p = 0; p < wanted.length; p += 4) {
          const alpha = wanted[p + 3] ?? 0;
          // Faint pixels have few steps of colour.
          const tolerance = 1 + 255 / Math.max(1, alpha);
          for (let c = 0; c < 4; c++) {
            const off = Math.abs((got[p + c] ?? 0) - (wanted[p + c] ?? 0));
            assert.ok(
              off <= (c === 3 ? 1 : tolerance),
              `${c} of pixel ${p / 4}: ${got[p + c]} for ${wanted[p + c]}`,
            );
          }
        }
      },
    ),
    { numRuns: 400 },
  );
});

Deno.test("a plain colour stays that colour at every size", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 40 }),
      fc.constantFrom<3 | 4>(3, 4),
      (sourceWidth, sourceHeight, width, height, channels) => {
        const colour = [200, 17, 255, 128].slice(0, channels);
        const data = Uint8Array.from(
          { length: sourceWidth * sourceHeight * channels },
          (_, i) => colour[i % channels] ?? 0,
        );
        const got = resample(
          { width: sourceWidth, height: sourceHeight, channels, data },
          { x: 0, y: 0, width: sourceWidth, height: sourceHeight },
          width,
          height,
        );
        const wanted = [200, 17, 255, channels === 4 ? 128 : 255];
        for (const [i, value] of got.entries()) {
          assert.ok(Math.abs(value - (wanted[i % 4] ?? 0)) <= 1, `${value}`);
        }
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("a zone plate shrunk to a fifth leaves no moiré", () => {
  const size = 1000;
  const data = new Uint8Array(size * size * 3);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const r2 = (x - size / 2) ** 2 + (y - size / 2) ** 2;
      const value = 127.5 + 127.5 * Math.cos(Math.PI * r2 / size);
      data.fill(value, (y * size + x) * 3, (y * size + x) * 3 + 3);
    }
  }
  const got = resample(
    { width: size, height: size, channels: 3, data },
    { x: 0, y: 0, width: size, height: size },
    200,
    200,
  );
  // Beyond a fifth of the frequencies, outside the centre, nothing may be left.
  let energy = 0;
  let count = 0;
  for (let y = 0; y < 200; y++) {
    for (let x = 0; x < 200; x++) {
      if (Math.hypot(x - 100, y - 100) < 28) continue;
      energy += ((got[(y * 200 + x) * 4] ?? 0) - 127.5) ** 2;
      count++;
    }
  }
  assert.ok(Math.sqrt(energy / count) < 5, `${Math.sqrt(energy / count)}`);
});

Deno.test("integer weights sum to one exactly", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 1, max: 60 }),
      (sourceSize, size) => {
        const weights = filterWeights(sourceSize, 0, sourceSize, size);
        const integers = integerWeights(weights);
        const per = integers.length / size;
        assert.equal(per % 2, 0);
        for (let i = 0; i < size; i++) {
          const sum = integers.subarray(i * per, (i + 1) * per)
            .reduce((a, b) => a + b, 0);
          assert.equal(sum, 1 << 14);
        }
      },
    ),
  );
});
