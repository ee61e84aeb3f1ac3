import assert from "node:assert/strict";
import { isAppError } from "../../errors.ts";
import {
  type Fixture,
  fixture,
  fixtures,
  isLeftOut,
  pixelAt,
  pixelsOf,
  quadrants,
} from "../../../tests/support/images.ts";
import { DEFAULT_LIMITS } from "./image_limits.ts";
import { render, type RenderRequest } from "./render.ts";
import { sniff } from "./sniff/sniff.ts";

const ASKED: RenderRequest = {
  fit: "cover",
  density: 1,
  enlarge: false,
  format: "png",
  quality: 85,
};

/** Parameter sets tested with every image. */
const SETS: readonly Partial<RenderRequest>[] = [
  {},
  { width: 48, height: 32 },
  { width: 64, height: 64 },
  { width: 33 },
  { width: 40, height: 40, fit: "inside" },
  { width: 60, height: 40, density: 2, fit: "cover" },
];

const TOLERANCE = 16;
const ALPHA_TOLERANCE = 6;

/** Describes what is wrong with the picture, if anything. */
function fault(
  fixture: Fixture,
  image: { data: Uint8Array; width: number; height: number },
): string | undefined {
  const { width, height, data } = image;
  if (fixture.check === "quad" && width >= 8 && height >= 8) {
    const tolerance = fixture.tol ?? TOLERANCE;
    for (const [i, colour] of quadrants.entries()) {
      const pixel = pixelAt(
        image,
        (i % 2 === 0 ? 1 : 3) * width / 4,
        (i < 2 ? 1 : 3) * height / 4,
      );
      const alpha = fixture.alphaQuad?.[i] ?? 255;
      if (Math.abs((pixel[3] ?? 0) - alpha) > ALPHA_TOLERANCE) {
        return `alpha ${pixel[3]} in quadrant ${i}`;
      }
      const off = colour.map((c, k) => Math.abs(c - (pixel[k] ?? 0)));
      if (alpha > 0 && Math.max(...off) > tolerance) {
        return `colour ${pixel} in quadrant ${i}`;
      }
    }
  }
  for (let p = 0; p < data.length; p += 4) {
    const [r = 0, g = 0, b = 0, a = 0] = data.subarray(p, p + 4);
    if (fixture.check === "gray" && (r !== g || r !== b)) return `not gray`;
    if (fixture.check === "fringe" && a > 8 && g > 8) return `green ${g}`;
  }
  return undefined;
}

for (const set of SETS) {
  Deno.test(`every test image comes out upright, in its colours or refused: ${JSON.stringify(set)}`, async () => {
    const wrong: string[] = [];
    for (const expected of fixtures) {
      const { file, expect } = expected;
      try {
        const { bytes, width, height } = await render(
          fixture(file),
          { ...ASKED, ...set },
          DEFAULT_LIMITS,
        );
        const image = pixelsOf(bytes);
        assert.deepEqual([image.width, image.height], [width, height]);
        if (expect === "reject") wrong.push(`${file} was taken`);
        if (set.width === undefined && expected.width !== undefined) {
          const size = `${width}x${height}`;
          if (size !== `${expected.width}x${expected.height}`) {
            wrong.push(`${file}: ${size}`);
          }
        }
        const what = fault(expected, image);
        if (what !== undefined) wrong.push(`${file}: ${what}`);
      } catch (error) {
        if (!isAppError(error, "UNPROCESSABLE", "UNSUPPORTED_MEDIA_TYPE")) {
          throw new Error(`${file} failed oddly`, { cause: error });
        }
        if (expect === "ok" && !isLeftOut(expected)) {
          wrong.push(`${file}: ${error.message}`);
        }
      }
    }
    assert.deepEqual(wrong, []);
  });
}

Deno.test("every output format has the picture in the requested size", async () => {
  const signatures = {
    webp: [0x52, 0x49, 0x46, 0x46],
    png: [0x89, 0x50, 0x4e, 0x47],
    jpg: [0xff, 0xd8, 0xff, 0xe0],
  };
  for (const format of ["webp", "png", "jpg"] as const) {
    const { bytes, width, height } = await render(
      fixture("orient/jpeg-o6.jpg"),
      { ...ASKED, format, width: 30, height: 60 },
      DEFAULT_LIMITS,
    );
    assert.deepEqual([width, height], [30, 60]);
    assert.deepEqual([...bytes.subarray(0, 4)], signatures[format]);
    const info = sniff(bytes);
    assert.deepEqual([info?.width, info?.height], [30, 60]);
    assert.equal(info?.orientation, 1);
  }
});

Deno.test("a JPEG is white where the picture is transparent", async () => {
  const { bytes } = await render(
    fixture("png/alpha-all-zero.png"),
    { ...ASKED, format: "jpg" },
    DEFAULT_LIMITS,
  );
  const { bytes: png } = await render(bytes, ASKED, DEFAULT_LIMITS);
  const [r = 0, g = 0, b = 0] = pixelAt(pixelsOf(png), 20, 20);
  assert.ok(Math.min(r, g, b) > 250);
});

Deno.test("contain shows the whole picture on a transparent background", async () => {
  const { bytes } = await render(
    fixture("png/rgb8.png"),
    { ...ASKED, width: 96, height: 96, fit: "contain" },
    DEFAULT_LIMITS,
  );
  const image = pixelsOf(bytes);
  assert.deepEqual([image.width, image.height], [96, 96]);
  assert.equal(pixelAt(image, 48, 5)[3], 0);
  assert.equal(pixelAt(image, 48, 90)[3], 0);
  assert.equal(pixelAt(image, 5, 20)[3], 255);
});

Deno.test("the result contains no metadata of the source", async () => {
  for (const file of ["jpeg/comment-html.jpg", "poly/png-plus-zip.png"]) {
    const { bytes } = await render(
      fixture(file),
      { ...ASKED, format: "webp" },
      DEFAULT_LIMITS,
    );
    const text = new TextDecoder("latin1").decode(bytes);
    for (const trace of ["<script", "PK\x05\x06", "Exif", "ICCP"]) {
      assert.ok(!text.includes(trace), `${trace} of ${file}`);
    }
  }
});

Deno.test("a picture above a limit is refused by its header, in a sentence", async () => {
  const limited = (limits: Partial<typeof DEFAULT_LIMITS>) =>
    render(fixture("jpeg/progressive.jpg"), ASKED, {
      ...DEFAULT_LIMITS,
      ...limits,
    });
  for (
    const limits of [
      { maxBytes: 500 },
      { maxInputSide: 95 },
      { maxPixels: 6143 },
      { maxDecodeBytes: 6144 },
      { maxCost: 0.006 },
    ]
  ) {
    await assert.rejects(
      limited(limits),
      (error) =>
        isAppError(error, "UNPROCESSABLE") &&
        /Upload a smaller one/.test(error.message),
    );
  }
  await limited({});
});

Deno.test("bytes that are not an image are refused as such", async () => {
  for (
    const file of ["poly/html-as.png", "other/script.svg", "other/quad.heic"]
  ) {
    await assert.rejects(
      render(fixture(file), ASKED, DEFAULT_LIMITS),
      (error) => isAppError(error, "UNSUPPORTED_MEDIA_TYPE"),
    );
  }
});
