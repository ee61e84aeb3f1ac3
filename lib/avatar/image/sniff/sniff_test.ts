import assert from "node:assert/strict";
import fc from "fast-check";
import {
  fixture,
  fixtures,
  isLeftOut,
} from "../../../../tests/support/images.ts";
import { uprightSize } from "../info.ts";
import { sniff } from "./sniff.ts";

Deno.test("format, size, orientation and animation of every test image are read from the header", () => {
  for (const expected of fixtures) {
    if (expected.expect !== "ok" || isLeftOut(expected)) continue;
    const info = sniff(fixture(expected.file));
    assert.ok(info, expected.file);
    assert.equal(info.format, expected.format, expected.file);
    assert.deepEqual(
      uprightSize(info),
      { width: expected.width, height: expected.height },
      expected.file,
    );
    if (typeof expected.orientation === "number") {
      assert.equal(info.orientation, expected.orientation, expected.file);
    }
    assert.equal(info.animated, (expected.frames ?? 1) > 1, expected.file);
    assert.equal(info.icc, expected.icc !== undefined, expected.file);
  }
});

Deno.test("every scan of a progressive JPEG counts as work", () => {
  const bomb = sniff(fixture("bomb/jpeg-scan-bomb.jpg"));
  assert.ok(bomb !== undefined && bomb.cost > 1500);
  const photo = sniff(fixture("jpeg/progressive.jpg"));
  assert.ok(photo !== undefined && photo.cost > 1 && photo.cost < 20);
});

Deno.test("a second frame header in a JPEG is refused", () => {
  const bytes = fixture("jpeg/baseline-444.jpg");
  const start = bytes.findIndex((byte, i) =>
    byte === 0xff && bytes[i + 1] === 0xc0
  );
  const length = 2 + ((bytes[start + 2] ?? 0) << 8) + (bytes[start + 3] ?? 0);
  const header = bytes.subarray(start, start + length);
  const doubled = new Uint8Array([
    ...bytes.subarray(0, start),
    ...header,
    ...bytes.subarray(start),
  ]);
  assert.equal(sniff(doubled), undefined);
});

Deno.test("a WebP whose canvas and picture differ in size is refused", () => {
  const still = fixture("webp/lossy.webp");
  const extended = new Uint8Array(still.length + 18);
  extended.set(still.subarray(0, 12));
  extended.set(new TextEncoder().encode("VP8X"), 12);
  extended.set([10, 0, 0, 0, 0, 0, 0, 0, 0xff, 0, 0, 0xff, 0, 0], 16);
  extended.set(still.subarray(12), 30);
  assert.equal(sniff(extended), undefined);
});

Deno.test("an AVIF with more than one frame, or of another size, is refused", () => {
  const bytes = fixture("avif/quad.avif");
  assert.ok(sniff(bytes));
  const mark = new TextEncoder().encode("ispe");
  const at = bytes.findIndex((_, i) =>
    mark.every((m, k) => bytes[i + k] === m)
  );
  const smaller = bytes.slice();
  smaller[at + 11] = 8; // the width, whatever it was
  assert.equal(sniff(smaller), undefined);
});

Deno.test("no bytes make sniff throw", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...fixtures.map((f) => f.file)),
      fc.array(fc.tuple(fc.nat(600), fc.nat(255)), { maxLength: 12 }),
      fc.nat(1000),
      (file, changes, length) => {
        const bytes = fixture(file).slice(0, length);
        for (const [at, value] of changes) bytes[at] = value;
        const info = sniff(bytes);
        assert.ok(info === undefined || info.width > 0 && info.height > 0);
      },
    ),
    { numRuns: 3000 },
  );
});
