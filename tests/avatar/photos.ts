/**
 * Pictures to measure with: like photographs in their mixture of smooth areas,
 * texture and edges, and the same on every machine. A folder of real ones can
 * be named in their place.
 *
 * @module
 */

import { sharp } from "./oracle.ts";

/** A picture in the forms that are measured. */
export interface Photo {
  readonly name: string;
  jpeg(side: number): Promise<Uint8Array<ArrayBuffer>>;
  progressive(side: number): Promise<Uint8Array<ArrayBuffer>>;
  png(side: number): Promise<Uint8Array<ArrayBuffer>>;
}

const SIDE = 3000;
/** How much each octave of the texture, from coarse to fine, changes. */
const STRENGTHS = [60, 40, 26, 16, 9, 5];
const JPEG_QUALITY = 88;

/** The pictures in `folder`, or three that are drawn here. */
export async function photos(folder?: string): Promise<Photo[]> {
  if (folder === undefined) {
    return [1, 2, 3].map((seed) => {
      const data = drawn(seed);
      const raw = { width: SIDE, height: SIDE, channels: 3 } as const;
      return photo(`drawn-${seed}`, () => sharp(data, { raw }));
    });
  }
  const found: Photo[] = [];
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (!isFile || !/\.(jpe?g|png)$/i.test(name)) continue;
    const bytes = await Deno.readFile(`${folder}/${name}`);
    found.push(photo(name, () => sharp(bytes)));
  }
  return found;
}

function photo(name: string, open: () => ReturnType<typeof sharp>): Photo {
  const cover = (side: number) => open().resize(side, side, { fit: "cover" });
  return {
    name,
    jpeg: (side) => cover(side).jpeg({ quality: JPEG_QUALITY }).toBuffer(),
    progressive: (side) =>
      cover(side).jpeg({ quality: JPEG_QUALITY, progressive: true }).toBuffer(),
    png: (side) => cover(side).removeAlpha().png().toBuffer(),
  };
}

/** A graphic: flat areas with transparency, as PNG. */
export async function graphic(
  side: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const data = new Uint8Array(side * side * 4);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const ring = Math.floor(
        Math.hypot(x - side / 2, y - side / 2) / side * 9,
      );
      const p = (y * side + x) * 4;
      data[p] = ring * 40;
      data[p + 1] = 255 - ring * 30;
      data[p + 2] = (x >> 8) * 25;
      data[p + 3] = ring > 4 ? 0 : 255;
    }
  }
  return await sharp(data, {
    raw: { width: side, height: side, channels: 4 },
  }).png().toBuffer();
}

/** Smooth light, texture in six octaves, and hard edges. */
function drawn(seed: number): Uint8Array {
  const data = new Uint8Array(SIDE * SIDE * 3);
  const octaves = [700, 260, 90, 31, 11, 4].map((size, i) =>
    noise(size, seed * 10 + i)
  );
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      let texture = 0;
      for (const [i, octave] of octaves.entries()) {
        texture += octave(x, y) * (STRENGTHS[i] ?? 0);
      }
      const edge = Math.sin(x / 170 + seed) + Math.cos(y / 230) > 0.8 ? 50 : 0;
      const p = (y * SIDE + x) * 3;
      data[p] = clamp(90 + texture + edge + x / 60);
      data[p + 1] = clamp(80 + texture * 0.9 - edge + y / 50);
      data[p + 2] = clamp(110 + texture * 0.7 + edge / 2 - x / 90);
    }
  }
  return data;
}

const clamp = (value: number) => Math.min(255, Math.max(0, value));

/** Value noise, -1 to 1, with features of `size` pixels. */
function noise(size: number, seed: number): (x: number, y: number) => number {
  const columns = Math.ceil(SIDE / size) + 2;
  const grid = new Float32Array(columns * columns);
  let state = seed * 2654435761 >>> 0 || 1;
  for (let i = 0; i < grid.length; i++) {
    state = Math.imul(state, 1664525) + 1013904223 >>> 0;
    grid[i] = state / 2 ** 31 - 1;
  }
  return (x, y) => {
    const column = Math.floor(x / size);
    const row = Math.floor(y / size);
    const at = row * columns + column;
    const u = smooth(x / size - column);
    const v = smooth(y / size - row);
    const top = mix(grid[at] ?? 0, grid[at + 1] ?? 0, u);
    const below = mix(
      grid[at + columns] ?? 0,
      grid[at + columns + 1] ?? 0,
      u,
    );
    return mix(top, below, v);
  };
}

const smooth = (t: number) => t * t * (3 - 2 * t);
const mix = (a: number, b: number, t: number) => a + (b - a) * t;
