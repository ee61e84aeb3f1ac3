import assert from "node:assert/strict";
import fc from "fast-check";
import { Kernel } from "../kernel/kernel.ts";
import { Resampler } from "../kernel/resampler.ts";
import { streamPng } from "./decode/decode_png.ts";
import { encodePng } from "./encode_png.ts";
import { pixelsOf } from "../../../tests/support/images.ts";
import { kernel as module } from "./wasm_modules.js";

const kernel = new Kernel(module);

/** Random pixels; smooth ones so that every filter is chosen somewhere. */
const pictures = fc.record({
  width: fc.integer({ min: 1, max: 70 }),
  height: fc.integer({ min: 1, max: 20 }),
  opaque: fc.boolean(),
  slope: fc.integer({ min: 0, max: 9 }),
  noise: fc.integer({ min: 0, max: 40 }),
}).map(({ width, height, opaque, slope, noise }) => {
  const data = Uint8Array.from({ length: width * height * 4 }, (_, i) => {
    if (opaque && i % 4 === 3) return 255;
    const pixel = i >> 2;
    const x = pixel % width;
    const y = Math.floor(pixel / width);
    return slope * (x - y) + (i * 7919 % 101) * noise / 101 + 60 * (i % 4);
  });
  return { width, height, data };
});

Deno.test("another decoder reads exactly the encoded pixels from our PNG", () => {
  fc.assert(
    fc.property(pictures, ({ width, height, data }) => {
      kernel.reset();
      const pixels = kernel.place(data);
      const png = encodePng(kernel, { pixels, width, height });
      assert.deepEqual(pixelsOf(png), { data, width, height });
    }),
    { numRuns: 300 },
  );
});

Deno.test("our row reader returns the same pixels as another decoder", async () => {
  await fc.assert(
    fc.asyncProperty(pictures, async ({ width, height, data }) => {
      // Alpha is either on or off here: averaging faint pixels rounds.
      const clear = data.map((v, i) => i % 4 === 3 ? (v > 99 ? 255 : 0) : v);
      const seen = clear.map((v, i) => clear[i | 3] === 0 ? 0 : v);
      kernel.reset();
      const pixels = kernel.place(clear);
      const png = encodePng(kernel, { pixels, width, height });
      kernel.reset();
      const result = await streamPng(
        kernel,
        png,
        (channels) =>
          new Resampler(
            kernel,
            { width, height, channels },
            { x: 0, y: 0, width, height },
            width,
            height,
          ),
      );
      const got = kernel.view(result.pixels, width * height * 4);
      assert.deepEqual(got.slice(), seen);
    }),
    { numRuns: 200 },
  );
});
