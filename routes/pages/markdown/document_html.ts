/**
 * Our own documentation as HTML.
 *
 * @module
 */

import MarkdownIt from "markdown-it";
import { anchorOf } from "../../../lib/install/documentation.ts";

const markdown = new MarkdownIt({ html: false, linkify: true });

/** Every heading gets a name for addresses; what is wide can be scrolled by key. */
markdown.renderer.rules["heading_open"] = (tokens, i) => {
  const { tag = "h2" } = tokens[i] ?? {};
  const title = tokens[i + 1]?.content.replaceAll("`", "") ?? "";
  return `<${tag} id="${markdown.utils.escapeHtml(anchorOf(title))}">`;
};
markdown.renderer.rules["link_open"] = (tokens, i, options, _env, self) => {
  const token = tokens[i];
  const href = token?.attrGet("href");
  if (token && typeof href === "string") {
    token.attrSet("href", addressOf(href));
  }
  return self.renderToken(tokens, i, options);
};

/** The HTML of a page of the documentation. */
export function documentHtml(text: string): string {
  return markdown.render(text).replaceAll("<pre>", '<pre tabindex="0">')
    .replaceAll("<table>", '<table tabindex="0">');
}

/** Documents link to each other as files. */
function addressOf(href: string): string {
  const [, name, anchor = ""] = /^([a-z-]+)\.md(#.*)?$/.exec(href) ?? [];
  if (name !== undefined) return `/docs/${name}${anchor}`;
  return href.startsWith("../") ? "/docs" : href;
}
