/**
 * Draws an SVG document as a PNG picture, with the fonts that come with the
 * program and nothing from outside the document.
 *
 * @module
 */

import { initWasm, Resvg } from "@resvg/resvg-wasm";
import { latinFonts, otherFonts, resvg } from "./assets.js";
import { FONT } from "./letters.ts";

/** Letters of the first fonts; the others are only read for what goes beyond. */
const PLAIN = /^[\x20-\x7e\n·…–—’]*$/;

await initWasm(resvg);

/** Most pixels of a picture. */
const MAX_PIXELS = 4_000_000;

/** The picture of a document. Throws what the renderer throws for a broken one, and a RangeError for one that is too large. */
export function draw(svg: string): Uint8Array {
  const fonts = PLAIN.test(svg) ? latinFonts : [...latinFonts, ...otherFonts];
  const drawing = new Resvg(svg, {
    font: {
      fontBuffers: [...fonts],
      defaultFontFamily: FONT,
      loadSystemFonts: false,
    },
  });
  try {
    if (!(drawing.width * drawing.height <= MAX_PIXELS)) {
      throw new RangeError(
        `The drawing has ${drawing.width} times ${drawing.height} pixels.`,
      );
    }
    const image = drawing.render();
    const png = image.asPng();
    image.free();
    return png;
  } finally {
    drawing.free();
  }
}
