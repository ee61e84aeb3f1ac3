/**
 * Text that came as Markdown.
 *
 * @module
 */

import { markdownHtml, type PictureOfUrl } from "./markdown.ts";

/** The text, rendered and made harmless; where no pictures are shown, links to them are. */
export function Prose(
  { text, pictureOf }: { text: string; pictureOf?: PictureOfUrl | undefined },
) {
  const html = { __html: markdownHtml(text, pictureOf) };
  return <div class="prose" dir="auto" dangerouslySetInnerHTML={html} />;
}
