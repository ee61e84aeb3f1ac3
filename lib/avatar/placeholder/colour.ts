/**
 * Background colours with readable white text.
 *
 * @module
 */

/** Red, green and blue, 0 to 255. */
export type Colour = readonly [number, number, number];

/** The colour of the text. */
export const WHITE: Colour = [255, 255, 255];

/** Minimum contrast of text against its background (WCAG 2.2, 1.4.3). */
const TEXT_CONTRAST = 4.5;
const SATURATION = 0.6;

/** The lightest colour of a hue (degrees) with readable white text. */
export function readableColour(hue: number): Colour {
  for (let lightness = 0.5; lightness > 0; lightness -= 0.01) {
    const colour = fromHsl(hue, SATURATION, lightness);
    if (contrast(colour, WHITE) >= TEXT_CONTRAST) return colour;
  }
  return [0, 0, 0];
}

function fromHsl(hue: number, saturation: number, lightness: number): Colour {
  const amount = saturation * Math.min(lightness, 1 - lightness);
  const channel = (n: number) => {
    const k = (n + hue / 30) % 12;
    const value = lightness - amount * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    return Math.round(value * 255);
  };
  return [channel(0), channel(8), channel(4)];
}

/** Contrast ratio of two colours, 1 to 21 (WCAG 2.2). */
function contrast(a: Colour, b: Colour): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) =>
    y - x
  );
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: Colour): number {
  const [r = 0, g = 0, b = 0] = colour.map((value) => {
    const x = value / 255;
    return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
