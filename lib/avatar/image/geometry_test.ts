import assert from "node:assert/strict";
import fc from "fast-check";
import { place, type Size, type SizeRequest } from "./geometry.ts";

const MAX = 2048;
const SQUARE = { width: 1000, height: 1000 };
const WIDE = { width: 1000, height: 500 };

function canvasOf(source: Size, request: Partial<SizeRequest>): string {
  const { canvas } = place(
    source,
    { fit: "cover", density: 1, enlarge: false, ...request },
    MAX,
  );
  return `${canvas.width}x${canvas.height}`;
}

Deno.test("two sides give a box of exactly that size", () => {
  assert.equal(canvasOf(WIDE, { width: 200, height: 200 }), "200x200");
  assert.equal(canvasOf(WIDE, { width: 1600, height: 1600 }), "1600x1600");
});

Deno.test("one side scales proportionally", () => {
  assert.equal(canvasOf(WIDE, { width: 200 }), "200x100");
  assert.equal(canvasOf(WIDE, { height: 50 }), "100x50");
  assert.equal(canvasOf({ width: 5000, height: 3 }, { width: 10 }), "10x1");
});

Deno.test("a small picture is enlarged only when requested", () => {
  assert.equal(canvasOf(WIDE, { width: 1500 }), "1000x500");
  assert.equal(canvasOf(WIDE, { width: 1500, enlarge: true }), "1500x750");
  const inside = { width: 1200, height: 1200, fit: "inside" } as const;
  assert.equal(canvasOf(WIDE, inside), "1000x500");
  assert.equal(canvasOf(WIDE, { ...inside, enlarge: true }), "1200x600");
});

Deno.test("density multiplies, but never enlarges", () => {
  assert.equal(canvasOf(SQUARE, { width: 100, density: 2 }), "200x200");
  const box = { width: 400, height: 400, density: 3 };
  assert.equal(canvasOf(SQUARE, box), "1000x1000");
  assert.equal(canvasOf(SQUARE, { ...box, enlarge: true }), "1200x1200");
  assert.equal(
    canvasOf(WIDE, { width: 400, height: 400, density: 2 }),
    "500x500",
  );
});

Deno.test("without a size a picture keeps its own unless it is too large", () => {
  assert.equal(canvasOf(WIDE, {}), "1000x500");
  assert.equal(canvasOf({ width: 5000, height: 50 }, {}), "5000x50");
  assert.equal(canvasOf({ width: 4096, height: 4096 }, {}), "2048x2048");
});

Deno.test("contain shows the whole picture in the middle of its box", () => {
  const { canvas, target, crop } = place(
    WIDE,
    { width: 100, height: 100, fit: "contain", density: 1, enlarge: false },
    MAX,
  );
  assert.deepEqual(canvas, { width: 100, height: 100 });
  assert.deepEqual(target, { x: 0, y: 25, width: 100, height: 50 });
  assert.deepEqual(crop, { x: 0, y: 0, ...WIDE });
});

Deno.test("for any request the crop is within the picture and the target within the canvas", () => {
  const side = fc.integer({ min: 1, max: 16384 });
  const asked = fc.integer({ min: 1, max: MAX });
  fc.assert(
    fc.property(
      fc.record({ width: side, height: side }),
      fc.record(
        { width: asked, height: asked },
        { requiredKeys: [] },
      ),
      fc.constantFrom("cover", "contain", "inside"),
      fc.double({ min: 1, max: 4, noNaN: true }),
      fc.boolean(),
      (source, size, fit, density, enlarge) => {
        const { canvas, crop, target } = place(
          source,
          { ...size, fit, density, enlarge } as SizeRequest,
          MAX,
        );
        const slack = 1e-6;
        assert.ok(crop.x >= -slack && crop.y >= -slack);
        assert.ok(crop.x + crop.width <= source.width + slack);
        assert.ok(crop.y + crop.height <= source.height + slack);
        assert.ok(crop.width > 0 && crop.height > 0);
        assert.ok(target.x >= 0 && target.y >= 0);
        assert.ok(target.x + target.width <= canvas.width);
        assert.ok(target.y + target.height <= canvas.height);
        assert.ok(canvas.width >= 1 && canvas.height >= 1);
        assert.ok(canvas.width * canvas.height <= (MAX + 1) ** 2 * 1.01);
      },
    ),
    { numRuns: 2000 },
  );
});
