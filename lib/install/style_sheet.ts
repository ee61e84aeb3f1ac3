/**
 * The style sheet of pages: the files of `static/style/` as one, under a name
 * that has the hash of its content.
 *
 * @module
 */

import { createHash } from "node:crypto";

/** The style sheet of all pages. */
export interface StyleSheet {
  /** Its path, which changes with its content. */
  readonly path: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const SOURCE = "static/style/";

/** The order of the layers; it alone decides which of two files wins. */
const LAYERS = "@layer tokens, base, components, pages;";

/** Joins the files below `root`, and `more` after them; undefined where there are none, or they may not be read: pages have no style then. */
export function readStyleSheet(
  root: URL,
  more = "",
): StyleSheet | undefined {
  try {
    const folder = new URL(SOURCE, root);
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name)
      .filter((name) => name.endsWith(".css")).sort();
    const files = names.map((name) =>
      withoutIndent(Deno.readTextFileSync(new URL(name, folder)))
    );
    const text = [LAYERS, ...files, more].join("\n").trim();
    const bytes = new TextEncoder().encode(text);
    const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 8);
    return { path: `/static/style-${hash.toUpperCase()}.css`, bytes };
  } catch (error) {
    const isMissing = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotCapable;
    if (isMissing) return undefined;
    throw error;
  }
}

/** Without comments and the white space that is there for people. */
function withoutIndent(text: string): string {
  return text.replace(/\/\*.*?\*\//gs, "").replace(/\n\s*/g, "\n").trim();
}
