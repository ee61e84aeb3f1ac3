/**
 * Placeholders for accounts without a picture: initials or a pattern, derived
 * only from the DID and the handle, so always the same.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { type Colour, readableColour, WHITE } from "./colour.ts";
import { glyph, GLYPH_GRID, type Stroke } from "./glyphs.ts";
import { initials } from "./initials.ts";

/** Which placeholder is drawn. */
export type PlaceholderKind = "initials" | "identicon";

/** A drawing on a square of 100 by 100 units. */
export interface Scene {
  /** Alternative text. */
  readonly title: string;
  readonly background: Colour;
  readonly foreground: Colour;
  /** Lines with round ends and joins. */
  readonly strokes: readonly Stroke[];
  /** Width of the lines. */
  readonly strokeWidth: number;
  /** Filled squares: left, top and side. */
  readonly squares: readonly (readonly [number, number, number])[];
}

/** Side of the square that a {@linkcode Scene} is drawn on. */
export const SCENE_SIDE = 100;

const PALE: Colour = [244, 244, 246];
/** Cells per side of the pattern; the left half is mirrored. */
const CELLS = 5;
const CELL_SIDE = 16;

/**
 * Draws a placeholder for an account.
 *
 * @param handle used for the initials; the DID by default.
 */
export function placeholderScene(
  kind: PlaceholderKind,
  did: string,
  handle: string | undefined,
): Scene {
  const seed = createHash("sha256").update(did).digest();
  const colour = readableColour((seed[0] ?? 0) / 256 * 360);
  const title = `Placeholder for the picture of ${handle ?? did}`;
  return kind === "initials"
    ? {
      title,
      background: colour,
      foreground: WHITE,
      ...writing(initials(did, handle)),
      squares: [],
    }
    : {
      title,
      background: PALE,
      foreground: colour,
      strokes: [],
      strokeWidth: 0,
      squares: pattern(seed.subarray(1)),
    };
}

/** The characters side by side, centred. */
function writing(text: string): Pick<Scene, "strokes" | "strokeWidth"> {
  const scale = text.length > 1 ? 6 : 8;
  const gap = text.length > 1 ? 14 : 0;
  const width = text.length * GLYPH_GRID.width * scale +
    (text.length - 1) * gap;
  const top = (SCENE_SIDE - GLYPH_GRID.height * scale) / 2;
  const strokes = [...text].flatMap((character, i) => {
    const left = (SCENE_SIDE - width) / 2 +
      i * (GLYPH_GRID.width * scale + gap);
    return glyph(character).map((stroke) =>
      stroke.map(([x, y]) => [left + x * scale, top + y * scale] as const)
    );
  });
  return { strokes, strokeWidth: scale };
}

/** A mirrored pattern of squares; one bit of the seed per cell of the left half. */
function pattern(seed: Uint8Array): Scene["squares"] {
  const margin = (SCENE_SIDE - CELLS * CELL_SIDE) / 2;
  const half = Math.ceil(CELLS / 2);
  const squares: [number, number, number][] = [];
  for (let i = 0; i < CELLS * half; i++) {
    if (((seed[i >> 3] ?? 0) >> (i & 7) & 1) === 0) continue;
    const column = i % half;
    const top = margin + Math.floor(i / half) * CELL_SIDE;
    for (const x of new Set([column, CELLS - 1 - column])) {
      squares.push([margin + x * CELL_SIDE, top, CELL_SIDE]);
    }
  }
  return squares;
}
