/**
 * Pages that are one text.
 *
 * @module
 */

import { renderPage, type Visitor } from "../document.tsx";
import { Prose } from "../markdown/prose.tsx";

/** Renders a page with a title and Markdown. */
export function textPage(
  { visitor, title, text }: { visitor: Visitor; title: string; text: string },
): string {
  return renderPage({
    title,
    visitor,
    children: (
      <>
        <h1>{title}</h1>
        <Prose text={text} />
      </>
    ),
  });
}
