/**
 * Colours in sRGB and their contrast, by the formulas of WCAG 2.2.
 *
 * @module
 */

/** A colour as `#rrggbb` in lower case. */
export type Colour = `#${string}`;

const HEX = /^#(?:[0-9a-f]{3}|[0-9a-f]{6})$/;

const STEPS = 100;

/** Reads `#rgb` or `#rrggbb`; undefined for anything else. */
export function parseColour(text: string): Colour | undefined {
  const lower = text.toLowerCase();
  if (!HEX.test(lower)) return undefined;
  const digits = lower.slice(1);
  return digits.length === 6
    ? `#${digits}`
    : `#${[...digits].map((digit) => digit + digit).join("")}`;
}

/** The contrast of two colours, from 1 to 21. */
function contrast(one: Colour, other: Colour): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)]
    .sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

/** The lowest contrast of a colour with any of `others`; Infinity where there are none. */
export function lowestContrast(
  colour: Colour,
  others: readonly Colour[],
): number {
  return Math.min(...others.map((other) => contrast(colour, other)));
}

/**
 * The colour itself where its contrast with all of `backgrounds` is at least
 * `ratio`, else the nearest mixture with `toward` that has it; `toward` where
 * none has.
 */
export function withContrast(
  colour: Colour,
  { backgrounds, ratio, toward }: {
    readonly backgrounds: readonly Colour[];
    readonly ratio: number;
    readonly toward: Colour;
  },
): Colour {
  for (let step = 0; step < STEPS; step++) {
    const mixed = mix(colour, toward, step / STEPS);
    if (lowestContrast(mixed, backgrounds) >= ratio) return mixed;
  }
  return toward;
}

/** Black or white, whichever is easier to read on a colour. */
export function inkOn(colour: Colour): Colour {
  const [black, white] = ["#000000", "#ffffff"] as const;
  return contrast(colour, white) >= contrast(colour, black) ? white : black;
}

function mix(from: Colour, to: Colour, share: number): Colour {
  const target = channels(to);
  const mixed = channels(from).map((value, index) =>
    Math.round(value + ((target[index] ?? 0) - value) * share)
  );
  return `#${
    mixed.map((value) => value.toString(16).padStart(2, "0")).join("")
  }`;
}

function luminance(colour: Colour): number {
  const [red = 0, green = 0, blue = 0] = channels(colour).map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function channels(colour: Colour): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
}
