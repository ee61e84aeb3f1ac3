/**
 * Drawings (SVG) of strangers that may be made into pictures. A document is a
 * program of a kind: it can name other files, and a few lines can take hours.
 * So only plain shapes and text pass, as badges have them.
 *
 * @module
 */

/** Longest drawing that is looked at, in bytes. */
const MAX_BYTES = 50_000;

/** Elements that take no more time than their own size, and name nothing outside. */
const PLAIN = new Set([
  ...["svg", "g", "a", "defs", "title", "desc", "rect", "circle", "ellipse"],
  ...["line", "polyline", "polygon", "path", "text", "tspan", "clipPath"],
  ...["linearGradient", "radialGradient", "stop"],
]);

/** Whether bytes are the beginning of a drawing. */
export function isDrawing(bytes: Uint8Array): boolean {
  const head = new TextDecoder().decode(bytes.subarray(0, 400)).trimStart();
  return /^(?:<\?xml[^>]*>\s*)?(?:<!--[^>]*-->\s*)*<svg[\s>]/i.test(head);
}

/** The text of a drawing of plain shapes; undefined for any other. */
export function plainDrawing(bytes: Uint8Array): string | undefined {
  if (bytes.length > MAX_BYTES) return undefined;
  const text = new TextDecoder().decode(bytes)
    .replace(/^\ufeff?\s*<\?xml[^>]*\?>/, "")
    .replaceAll(/<!--[\s\S]*?-->/g, "");
  // A document type can define entities that grow without end.
  if (/<[!?]/.test(text)) return undefined;
  const names = text.matchAll(/<\/?([^\s>/]*)/g);
  for (const [, name = ""] of names) if (!PLAIN.has(name)) return undefined;
  return text;
}
