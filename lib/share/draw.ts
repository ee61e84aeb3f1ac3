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

/** The picture of a document. Throws what the renderer throws for a broken one. */
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
    const image = drawing.render();
    const png = image.asPng();
    image.free();
    return png;
  } finally {
    drawing.free();
  }
}
