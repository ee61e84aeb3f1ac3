/**
 * Letters and digits as pen strokes, so that a placeholder looks the same as
 * SVG and as pixels, on every machine and without a font.
 *
 * @module
 */

/** A point: x to the right, y downwards. */
export type Point = readonly [x: number, y: number];

/** Points joined by straight lines. */
export type Stroke = readonly Point[];

/** Width and height of the grid on which glyphs are drawn. */
export const GLYPH_GRID = { width: 4, height: 6 } as const;

/** Strokes separated by blanks; two digits, x and y, are a point on the grid. */
const STROKES: Readonly<Record<string, string>> = {
  A: "0602204246 0444",
  B: "00063645443303 0030414233",
  C: "4130100105163645",
  D: "00062644422000",
  E: "40000646 0333",
  F: "400006 0333",
  G: "41301001051636454323",
  H: "0006 4046 0343",
  I: "1030 2026 1636",
  J: "4045361605",
  K: "0006 4004 1346",
  L: "000646",
  M: "0600234046",
  N: "06004640",
  O: "100105163645413010",
  P: "06003041423303",
  Q: "100105163645413010 2446",
  R: "06003041423303 2346",
  S: "413010010213334445361605",
  T: "0040 2026",
  U: "000516364540",
  V: "002640",
  W: "0016233640",
  X: "0046 4006",
  Y: "002340 2326",
  Z: "00400646",
  0: "100105163645413010 1432",
  1: "112026 1636",
  2: "01103041420646",
  3: "0110304142334445361605 2333",
  4: "36300444",
  5: "4000033344453606",
  6: "4130100105163645443303",
  7: "004026",
  8: "13020110304142331304051636454433",
  9: "4313020110304145361605",
};

/** Replacement for characters without a glyph. */
const UNKNOWN = "011030414224 2626";

/** The strokes of a letter (any case) or digit; a question mark for anything else. */
export function glyph(character: string): Stroke[] {
  const text = STROKES[character.toUpperCase()] ?? UNKNOWN;
  return text.split(" ").map((stroke) =>
    [...stroke.matchAll(/(\d)(\d)/g)].map(([, x, y]): Point => [
      Number(x),
      Number(y),
    ])
  );
}
