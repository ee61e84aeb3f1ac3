/**
 * Renders a placeholder as SVG, accessible to screen readers.
 *
 * @module
 */

import { type Scene, SCENE_SIDE } from "./scene.ts";
import type { Colour } from "./colour.ts";

/** Renders the scene; `width` and `height` in pixels, with the square centred. */
export function sceneSvg(scene: Scene, width: number, height: number): string {
  const { background, foreground, strokes, strokeWidth, squares } = scene;
  const path = strokes.map((stroke) =>
    stroke.map(([x, y], i) => `${i === 0 ? "M" : "L"}${x} ${y}`).join("")
  ).join("");
  const cells = squares.map(([x, y, side]) =>
    `M${x} ${y}h${side}v${side}h-${side}z`
  )
    .join("");
  const drawing = path === ""
    ? `<path fill="${hex(foreground)}" d="${cells}"/>`
    : `<path fill="none" stroke="${
      hex(foreground)
    }" stroke-width="${strokeWidth}" stroke-linecap="round" stroke-linejoin="round" d="${path}"/>`;
  // The background extends beyond the square, for pictures that are not square.
  const ground =
    `<rect x="-10000" y="-10000" width="20100" height="20100" fill="${
      hex(background)
    }"/>`;
  const title = `<title id="title">${escapeXml(scene.title)}</title>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${SCENE_SIDE} ${SCENE_SIDE}" role="img" aria-labelledby="title">${title}${ground}${drawing}</svg>`;
}

const hex = (colour: Colour) =>
  `#${colour.map((value) => value.toString(16).padStart(2, "0")).join("")}`;

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

const escapeXml = (text: string) =>
  text.replace(/[&<>"]/g, (character) => ENTITIES[character] ?? "");
