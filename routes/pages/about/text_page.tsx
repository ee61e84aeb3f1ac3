/**
 * Pages that are one text.
 *
 * @module
 */

import { renderPage, type Visitor } from "../document.tsx";
import { operatorHtml } from "../markdown/markdown.ts";

/** Renders a page with a title and Markdown of the operator. */
export function textPage(
  { visitor, title, text }: { visitor: Visitor; title: string; text: string },
): string {
  const html = { __html: operatorHtml(text) };
  return renderPage({
    title,
    visitor,
    children: (
      <>
        <h1>{title}</h1>
        <div class="prose" dangerouslySetInnerHTML={html} />
      </>
    ),
  });
}
