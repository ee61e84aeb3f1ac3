/**
 * Quoting of outside text in error sentences.
 *
 * @module
 */

/** Characters of outside text shown in a sentence; the rest is cut. */
const SHOWN = 80;

/**
 * `text` in double quotes, control characters escaped and at most 80
 * characters shown, so that a sentence stays short and one line long.
 */
export function quote(text: string): string {
  const shown = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
  return JSON.stringify(shown);
}
