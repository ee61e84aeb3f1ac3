/**
 * Text that came as Markdown.
 *
 * @module
 */

import { markdownHtml } from "./markdown.ts";

/** The text, rendered and made harmless. */
export function Prose({ text }: { text: string }) {
  const html = { __html: markdownHtml(text) };
  return <div class="prose" dir="auto" dangerouslySetInnerHTML={html} />;
}
