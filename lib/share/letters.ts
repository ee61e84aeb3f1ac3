/**
 * Text in share pictures: which letters the fonts have, how wide a line is
 * about, and where it is broken.
 *
 * @module
 */

/** Family of the fonts that come with the program. */
export const FONT = "Inter";

/** What the fonts have no letters for: other scripts, emoji, controls. */
const MISSING =
  /[^\x20-\x7e\u00a0-\u024f\u0370-\u03ff\u0400-\u045f\u0490\u0491\u1e00-\u1eff\u2010-\u2015\u2018-\u201e\u2022\u2026\u20ac]/gu;

/** Longest text that is looked at, in characters. */
const MAX_TEXT = 400;

/**
 * Foreign text as it can be drawn, on one line; undefined where the fonts have
 * too few of its letters, so that a picture does not show half of a name.
 */
export function drawable(text: string | undefined): string | undefined {
  const line = (text ?? "").slice(0, MAX_TEXT).normalize("NFC")
    .replaceAll(/\s+/g, " ").trim();
  const kept = line.replaceAll(MISSING, "").replaceAll(/ +/g, " ").trim();
  return kept !== "" && kept.length * 4 >= line.length * 3 ? kept : undefined;
}

/** Widths of letters as parts of the font's size, for bold text; the first that fits counts. */
const WIDTHS: readonly (readonly [RegExp, number])[] = [
  [/[ijl.,:;'’|!]/, 0.32],
  [/[ftr\s()\[\]/\\-]/, 0.43],
  [/[mwMW@%…—]/, 0.94],
  [/[A-Z0-9_]/, 0.7],
];

const USUAL_WIDTH = 0.62;

/** About how wide a line is, in units of the picture; rather too wide. */
export function widthOf(text: string, size: number): number {
  let sum = 0;
  for (const letter of text) {
    sum += WIDTHS.find(([some]) => some.test(letter))?.[1] ?? USUAL_WIDTH;
  }
  return sum * size;
}

/** The beginning of `text` that is no wider than `width`, with an ellipsis where it was cut. */
export function cut(text: string, size: number, width: number): string {
  if (widthOf(text, size) <= width) return text;
  let short = text;
  while (short !== "" && widthOf(`${short}…`, size) > width) {
    short = short.slice(0, -1);
  }
  return `${short.trimEnd()}…`;
}

/**
 * `text` in at most `max` lines no wider than `width`, broken after spaces and
 * what stands between the parts of a name; the last one is cut.
 */
export function lines(
  text: string,
  size: number,
  { width, max }: { readonly width: number; readonly max: number },
): string[] {
  const parts = text.split(/(?<=[ /._-])/);
  const found: string[] = [];
  let line = "";
  while (parts.length > 0) {
    const [part = ""] = parts;
    if (line !== "" && widthOf(`${line}${part}`.trimEnd(), size) > width) {
      if (found.length + 1 === max) break;
      found.push(line.trimEnd());
      line = "";
    }
    line += part;
    parts.shift();
  }
  found.push(cut((line + parts.join("")).trimEnd(), size, width));
  return found;
}
