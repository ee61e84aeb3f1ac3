/** AVIF files as other programs write them. */

import assert from "node:assert/strict";
import {
  fixture,
  pixelAt,
  pixelsOf,
  quadrants,
} from "../../../../../tests/support/images.ts";
import { joinBytes } from "../../../../bytes.ts";
import { ByteReader } from "../../byte_reader.ts";
import { DEFAULT_LIMITS } from "../../image_limits.ts";
import { render } from "../../render.ts";
import { avifFile } from "./avif_file.ts";
import { type AvifImage, readAvif } from "./avif_image.ts";

const [RED = [], GREEN = [], BLUE = [], WHITE = []] = quadrants;

function quad(): AvifImage {
  const image = readAvif(new ByteReader(fixture("avif/quad.avif")));
  assert.ok(image);
  return image;
}

async function shown(file: Uint8Array) {
  const { bytes } = await render(file, {
    fit: "cover",
    density: 1,
    enlarge: false,
    format: "png",
    quality: 85,
  }, DEFAULT_LIMITS);
  const image = pixelsOf(bytes);
  return {
    size: [image.width, image.height],
    at: (x: number, y: number) =>
      pixelAt(image, x * image.width, y * image.height),
  };
}

function assertNear(got: readonly number[], wanted: readonly number[]): void {
  for (const [i, value] of wanted.entries()) {
    assert.ok(Math.abs((got[i] ?? NaN) - value) <= 12, `${got} not ${wanted}`);
  }
}

const u32 = (...values: number[]) => {
  const data = new Uint8Array(values.length * 4);
  const view = new DataView(data.buffer);
  for (const [i, value] of values.entries()) view.setInt32(i * 4, value);
  return data;
};
const u16 = (...values: number[]) =>
  Uint8Array.from(values.flatMap((value) => [value >> 8, value & 255]));
const text = (value: string) => new TextEncoder().encode(value);
const box = (type: string, ...parts: Uint8Array[]) =>
  joinBytes([
    u32(parts.reduce((sum, part) => sum + part.length, 8)),
    text(type),
    ...parts,
  ]);

/**
 * A file as some writers make it: the data in two pieces, one `ipma` for each
 * item, no `pixi`, an item of an unknown type, and `extra` properties.
 */
function foreignFile(extra: readonly Uint8Array[] = []): Uint8Array {
  const { main } = quad();
  const [data = new Uint8Array()] = main.tiles;
  const half = data.length >> 1;
  const properties = [
    box("ispe", u32(0, main.width, main.height)),
    box("av1C", main.configuration),
    ...extra,
  ];
  const numbers = properties.map((_, i) => i + 1);
  const head = box("ftyp", text("avif"), u32(0), text("avifmif1"));
  const meta = (start: number) =>
    box(
      "meta",
      u32(0),
      box("hdlr", u32(0, 0), text("pict"), new Uint8Array(13)),
      box("pitm", u32(0), u16(1)),
      box(
        "iloc",
        u32(0),
        Uint8Array.of(0x44, 0),
        u16(2),
        u16(1, 0, 2),
        u32(start, half, start + half + 7, data.length - half),
        u16(2, 0, 1),
        u32(start, 4),
      ),
      box(
        "iinf",
        u32(0),
        u16(2),
        box("infe", u32(0x02000000), u16(1, 0), text("av01\0")),
        box("infe", u32(0x02000000), u16(2, 0), text("tmap\0")),
      ),
      box(
        "iprp",
        box("ipco", ...properties),
        box(
          "ipma",
          u32(0, 1),
          u16(1),
          Uint8Array.of(numbers.length, ...numbers),
        ),
        box("ipma", u32(0x01000000, 1, 2), Uint8Array.of(1, 1)),
      ),
    );
  const start = head.length + meta(0).length + 8;
  const [first, second] = [data.subarray(0, half), data.subarray(half)];
  return joinBytes([
    head,
    meta(start),
    box("mdat", first, new Uint8Array(7), second),
  ]);
}

Deno.test("data in pieces, several lists of properties and unknown items do not matter", async () => {
  const { at } = await shown(foreignFile());
  assertNear(at(0.25, 0.25), RED);
  assertNear(at(0.75, 0.75), WHITE);
});

Deno.test("only the clean aperture is shown", async () => {
  const { main } = quad();
  const [width, height] = [main.width / 2, main.height / 2];
  // Half of each side, moved to the right and up.
  const clap = box(
    "clap",
    u32(width, 1, height, 1, width / 2, 1, -height / 2, 1),
  );
  const picture = await shown(foreignFile([clap]));
  assert.deepEqual(picture.size, [width, height]);
  assertNear(picture.at(0.1, 0.1), GREEN);
  assertNear(picture.at(0.9, 0.9), GREEN);
});

Deno.test("an aperture beyond the picture is ignored", async () => {
  const { main } = quad();
  const clap = box(
    "clap",
    u32(main.width, 1, main.height, 1, 10, 1, 0, 1),
  );
  const { size } = await shown(foreignFile([clap]));
  assert.deepEqual(size, [main.width, main.height]);
});

Deno.test("the tiles of a grid are put together", async () => {
  const image = quad();
  const { main } = image;
  const [tile = new Uint8Array()] = main.tiles;
  // Tiles have at least 64 pixels a side.
  const grid = {
    ...main,
    tiles: [tile, tile],
    columns: 2,
    width: main.width * 2 - 20,
  };
  const picture = await shown(avifFile({ ...image, main: grid }));
  assert.deepEqual(picture.size, [grid.width, grid.height]);
  assertNear(picture.at(0.1, 0.75), BLUE);
  assertNear(picture.at(0.9, 0.25), GREEN);
});

Deno.test("a grid that its tiles do not cover, or that lacks one, is refused", () => {
  const image = quad();
  const { main } = image;
  const [tile = new Uint8Array()] = main.tiles;
  const grid = { ...main, tiles: [tile, tile], columns: 2 };
  const wide = avifFile({
    ...image,
    main: { ...grid, width: main.width * 2 + 1 },
  });
  assert.equal(readAvif(new ByteReader(wide)), undefined);
  const file = avifFile({ ...image, main: { ...grid, width: main.width * 2 } });
  assert.ok(readAvif(new ByteReader(file)));
  const at = file.findIndex((_, i) => new ByteReader(file).has("dimg", i));
  file[at + 7] = 1; // of two references only the first
  assert.equal(readAvif(new ByteReader(file)), undefined);
});

Deno.test("each tile of a grid may have an alpha of its own", () => {
  const image = quad();
  const { main } = image;
  const [tile = new Uint8Array()] = main.tiles;
  const grid = {
    ...main,
    tiles: [tile, tile],
    columns: 2,
    width: main.width * 2,
  };
  // Items 1 and 4 are grids of 2 and 3, and of 5 and 6.
  const file = avifFile({ ...image, main: grid, alpha: grid });
  const whole = readAvif(new ByteReader(file))?.alpha;
  const at = file.findIndex((_, i) => new ByteReader(file).has("iref", i));
  const [dimg, auxl] = [at + 8 + 16, at + 8 + 32];
  file.set(joinBytes([text("auxl"), u16(5, 1, 2, 0)]), dimg + 4);
  file.set(joinBytes([text("auxl"), u16(6, 1, 3)]), auxl + 4);
  const alpha = readAvif(new ByteReader(file))?.alpha;
  assert.ok(alpha);
  assert.deepEqual(alpha.tiles, whole?.tiles);
  assert.equal(alpha.columns, 2);
});

Deno.test("the file that is decoded has the picture alone", () => {
  const image = readAvif(new ByteReader(foreignFile()));
  assert.ok(image);
  const again = readAvif(new ByteReader(avifFile(image)));
  assert.deepEqual(again?.main, image.main);
  assert.equal(again?.alpha, undefined);
});
