import assert from "node:assert/strict";
import { fixture, quadrants } from "../../../../tests/support/images.ts";
import { sniff } from "../sniff/sniff.ts";
import { decodeWebp } from "./decode_webp.ts";

function decoded(file: string, wanted: { width: number; height: number }) {
  const bytes = fixture(file);
  const info = sniff(bytes);
  assert.ok(info);
  const image = decodeWebp(bytes, info, wanted);
  const rows = Array.from(image.rows(0), (row) => row.slice());
  image.free();
  return { info, image, rows };
}

Deno.test("a WebP is decoded at a whole fraction of its size that suffices", () => {
  const { image, rows, info } = decoded("webp/lossy.webp", {
    width: 40,
    height: 20,
  });
  assert.deepEqual([image.width, image.height], [
    info.width / 2,
    info.height / 2,
  ]);
  const first = rows[4]?.subarray(16, 19) ?? [];
  for (const [i, value] of (quadrants[0] ?? []).entries()) {
    assert.ok(Math.abs(value - (first[i] ?? NaN)) <= 24, `${first}`);
  }
});

Deno.test("a WebP of which all pixels are wanted is not scaled", () => {
  const { image, rows, info } = decoded("webp/lossy.webp", {
    width: 60,
    height: 60,
  });
  assert.deepEqual([image.width, image.height], [info.width, info.height]);
  assert.equal(rows.length, info.height);
});

Deno.test("after a broken WebP the next one is decoded", () => {
  const bytes = fixture("webp/lossy.webp");
  const info = sniff(bytes);
  assert.ok(info);
  const cut = bytes.subarray(0, bytes.length / 2);
  assert.throws(
    () => decodeWebp(cut, info, info),
    (error: { code?: string }) => error.code === "UNPROCESSABLE",
  );
  const { rows } = decoded("webp/lossy.webp", info);
  assert.equal(rows.length, info.height);
});
