/**
 * Rasterises a placeholder.
 *
 * @module
 */

import type { Stroke } from "./glyphs.ts";
import { type Scene, SCENE_SIDE } from "./scene.ts";

/** A line from `a` to `b`, with precomputed values for distances. */
interface Segment {
  readonly ax: number;
  readonly ay: number;
  readonly dx: number;
  readonly dy: number;
  readonly squaredLength: number;
}

/** Draws the scene as opaque RGBA, with the square centred. */
export function sceneRgba(
  scene: Scene,
  width: number,
  height: number,
): Uint8Array {
  const data = new Uint8Array(width * height * 4);
  const unit = SCENE_SIDE / Math.min(width, height); // units per pixel
  const left = (width - SCENE_SIDE / unit) / 2;
  const top = (height - SCENE_SIDE / unit) / 2;
  const segments = scene.strokes.flatMap(segmentsOf);
  const reach = scene.strokeWidth / 2 + unit;
  const xs = scene.strokes.flat().map(([x]) => x);
  const ys = scene.strokes.flat().map(([, y]) => y);
  const near = {
    left: Math.min(...xs) - reach,
    right: Math.max(...xs) + reach,
    top: Math.min(...ys) - reach,
    bottom: Math.max(...ys) + reach,
  };
  const [r, g, b] = scene.background;
  const [toR, toG, toB] = scene.foreground;
  for (let py = 0, p = 0; py < height; py++) {
    const y = (py + 0.5 - top) * unit;
    for (let px = 0; px < width; px++, p += 4) {
      const x = (px + 0.5 - left) * unit;
      let cover = 0;
      if (isInSquare(scene, x, y)) cover = 1;
      else if (
        x > near.left && x < near.right && y > near.top && y < near.bottom
      ) {
        const beyond = distance(segments, x, y) - scene.strokeWidth / 2;
        cover = Math.min(1, Math.max(0, 0.5 - beyond / unit));
      }
      data[p] = Math.round(r + (toR - r) * cover);
      data[p + 1] = Math.round(g + (toG - g) * cover);
      data[p + 2] = Math.round(b + (toB - b) * cover);
      data[p + 3] = 255;
    }
  }
  return data;
}

function segmentsOf(stroke: Stroke): Segment[] {
  return stroke.slice(1).map(([bx, by], i) => {
    const [ax, ay] = stroke[i] ?? [bx, by];
    const dx = bx - ax;
    const dy = by - ay;
    return { ax, ay, dx, dy, squaredLength: dx * dx + dy * dy };
  });
}

function isInSquare({ squares }: Scene, x: number, y: number): boolean {
  for (const [left, top, side] of squares) {
    if (x >= left && x < left + side && y >= top && y < top + side) return true;
  }
  return false;
}

/** Distance to the nearest segment. */
function distance(
  segments: readonly Segment[],
  x: number,
  y: number,
): number {
  let least = Infinity;
  for (const { ax, ay, dx, dy, squaredLength } of segments) {
    const dot = (x - ax) * dx + (y - ay) * dy;
    const along = squaredLength === 0
      ? 0
      : Math.min(1, Math.max(0, dot / squaredLength));
    const ex = x - ax - along * dx;
    const ey = y - ay - along * dy;
    least = Math.min(least, ex * ex + ey * ey);
  }
  return Math.sqrt(least);
}
