/** Pictures that every viewer shows, and that decoders like to refuse or garble. */

import assert from "node:assert/strict";
import { crc32, deflateSync } from "node:zlib";
import { joinBytes } from "../../bytes.ts";
import { fixture, pixelAt, pixelsOf } from "../../../tests/support/images.ts";
import { DEFAULT_LIMITS } from "./image_limits.ts";
import { render, type RenderRequest } from "./render.ts";

const ASKED: RenderRequest = {
  fit: "cover",
  density: 1,
  enlarge: false,
  format: "png",
  quality: 85,
};

/** Colours of a picture at points given as parts of its sides. */
async function colours(
  bytes: Uint8Array,
  points: readonly (readonly [number, number])[],
  request: Partial<RenderRequest> = {},
): Promise<number[][]> {
  const { bytes: png } = await render(
    bytes,
    { ...ASKED, ...request },
    DEFAULT_LIMITS,
  );
  const image = pixelsOf(png);
  return points.map(([x, y]) =>
    pixelAt(image, x * image.width, y * image.height)
  );
}

function assertNear(
  got: readonly number[][],
  wanted: readonly (readonly number[])[],
  tolerance: number,
): void {
  for (const [i, colour] of wanted.entries()) {
    for (const [k, value] of colour.entries()) {
      const off = Math.abs((got[i]?.[k] ?? NaN) - value);
      assert.ok(off <= tolerance, `${got[i]} instead of ${colour}`);
    }
  }
}

Deno.test("gray profiles are applied to gray pictures", async () => {
  for (const file of ["icc-gray-g10.png", "icc-gray.jpg"]) {
    const got = await colours(fixture(`viewers/${file}`), [
      [0.1, 0.1],
      [0.5, 0.5],
      [0.9, 0.9],
    ]);
    assertNear(got, [[86, 86, 86], [189, 189, 189], [244, 244, 244]], 6);
  }
});

Deno.test("a profile that has only tables is applied", async () => {
  const got = await colours(fixture("viewers/icc-lut.png"), [
    [0.1, 0.1],
    [0.9, 0.1],
    [0.1, 0.9],
  ]);
  assertNear(got, [[231, 25, 22], [25, 231, 23], [231, 25, 233]], 18);
});

Deno.test("a JPEG that was cut off is gray where its data is missing", async () => {
  const got = await colours(fixture("viewers/jpeg-cut.jpg"), [
    [0.1, 0.1],
    [0.5, 0.5],
    [0.9, 0.9],
  ]);
  assertNear(got, [[140, 74, 210], [128, 128, 128], [128, 128, 128]], 10);
});

Deno.test("a JPEG of 24 million pixels is made in little memory", async () => {
  const bytes = fixture("jpeg/photo-256.jpg");
  const frame = bytes.findIndex((b, i) => b === 0xff && bytes[i + 1] === 0xc0);
  new DataView(bytes.buffer).setUint16(frame + 5, 4000);
  new DataView(bytes.buffer).setUint16(frame + 7, 6000);
  const { width, height } = await render(
    bytes,
    { ...ASKED, width: 60 },
    { ...DEFAULT_LIMITS, maxDecodeBytes: 1 },
  );
  assert.deepEqual([width, height], [60, 40]);
});

Deno.test("a GIF need not begin with a clear code", async () => {
  const got = await colours(fixture("viewers/gif-no-clear-code.gif"), [
    [0.1, 0.5],
    [0.9, 0.5],
  ]);
  assert.deepEqual(got, [[255, 0, 0, 255], [0, 255, 0, 255]]);
});

Deno.test("AVIF images above three million pixels, and large ones with alpha, are shown", async () => {
  const size = { width: 30, height: 30 };
  const whole = await colours(
    fixture("viewers/avif-1920x1600.avif"),
    [[0.5, 0.5]],
    size,
  );
  assertNear(whole, [[64, 128, 192, 255]], 4);
  const clear = await colours(
    fixture("viewers/avif-alpha-1400.avif"),
    [[0.5, 0.5]],
    size,
  );
  assertNear(clear, [[200, 30, 30, 128]], 4);
});

/** A PNG with chunks before its data; `rows` with their filters. */
function png(
  { width, height, depth, type }: Record<
    "width" | "height" | "depth" | "type",
    number
  >,
  chunks: readonly (readonly [string, readonly number[]])[],
  rows: Uint8Array,
): Uint8Array {
  const all = [
    ["IHDR", [0, 0, 0, width, 0, 0, 0, height, depth, type]],
    ...chunks,
    ["IDAT", [...deflateSync(rows)]],
    ["IEND", []],
  ] as const;
  const signature = Uint8Array.of(0x89, 80, 78, 71, 13, 10, 26, 10);
  return joinBytes([
    signature,
    ...all.map(([name, data]) => {
      const padded = name === "IHDR" ? [...data, 0, 0, 0] : data;
      const bytes = new Uint8Array(12 + padded.length);
      const view = new DataView(bytes.buffer);
      view.setUint32(0, padded.length);
      bytes.set(new TextEncoder().encode(name), 4);
      bytes.set(padded, 8);
      view.setUint32(
        8 + padded.length,
        crc32(bytes.subarray(4, 8 + padded.length)),
      );
      return bytes;
    }),
  ]);
}

/** A PNG of noise, cut off after `part` of its bytes; type 2 is RGB, 6 RGBA. */
function cutNoise(type: 2 | 6, part: number): Uint8Array {
  const side = 64;
  const rowBytes = side * (type === 2 ? 3 : 4);
  let state = 1;
  const rows = Uint8Array.from(
    { length: side * (rowBytes + 1) },
    (_, i) => {
      state = Math.imul(state, 1103515245) + 12345 >>> 0;
      const isFilter = i % (rowBytes + 1) === 0;
      return isFilter ? 0 : 128 | (state >> 24);
    },
  );
  const header = { width: side, height: side, depth: 8, type };
  const file = png(header, [], rows);
  return file.subarray(0, file.length * part);
}

Deno.test("a PNG that was cut off is empty where its data is missing", async () => {
  const points = [[0.5, 0.2], [0.5, 0.9]] as const;
  const [opaque, missing] = await colours(cutNoise(2, 0.5), points);
  assert.ok(opaque?.every((value) => value >= 128), `${opaque}`);
  assert.deepEqual(missing, [0, 0, 0, 255]);
  const [, clear] = await colours(cutNoise(6, 0.5), points);
  assert.deepEqual(clear, [0, 0, 0, 0]);
});

Deno.test("a PNG without any row is refused", async () => {
  await assert.rejects(
    colours(cutNoise(2, 0.004), [[0, 0]]),
    (error: { code?: string }) => error.code === "UNPROCESSABLE",
  );
});

Deno.test("of a transparent colour only the bits of a sample count", async () => {
  const gray = png({ width: 2, height: 1, depth: 8, type: 0 }, [
    ["tRNS", [0x7f, 200]],
  ], Uint8Array.of(0, 200, 100));
  assert.deepEqual(await colours(gray, [[0.1, 0.5], [0.9, 0.5]]), [
    [0, 0, 0, 0],
    [100, 100, 100, 255],
  ]);
  const rgb = png({ width: 2, height: 1, depth: 8, type: 2 }, [
    ["tRNS", [1, 10, 1, 20, 1, 30]],
  ], Uint8Array.of(0, 10, 20, 30, 11, 20, 30));
  assert.deepEqual(await colours(rgb, [[0.1, 0.5], [0.9, 0.5]]), [
    [0, 0, 0, 0],
    [11, 20, 30, 255],
  ]);
});

Deno.test("code points count before a profile", async () => {
  const pixel = { width: 1, height: 1, depth: 8, type: 2 };
  const p3 = await colours(
    png(pixel, [["cICP", [12, 13, 0, 1]]], Uint8Array.of(0, 200, 50, 50)),
    [[0, 0]],
  );
  assertNear(p3, [[218, 24, 40]], 4);
  const profile = fixture("jpeg/icc-p3.jpg");
  const at = profile.findIndex((b, i) => b === 0xff && profile[i + 1] === 0xe2);
  const length = new DataView(profile.buffer).getUint16(at + 2);
  const iccp = [
    120,
    0,
    0,
    ...deflateSync(profile.subarray(at + 18, at + 2 + length)),
  ];
  const withProfile = await colours(
    png(pixel, [["iCCP", iccp]], Uint8Array.of(0, 200, 50, 50)),
    [[0, 0]],
  );
  assertNear(withProfile, [[218, 24, 40]], 4);
  const srgb = await colours(
    png(
      pixel,
      [["cICP", [1, 13, 0, 1]], ["iCCP", iccp]],
      Uint8Array.of(0, 200, 50, 50),
    ),
    [[0, 0]],
  );
  assert.deepEqual(srgb, [[200, 50, 50, 255]]);
});
