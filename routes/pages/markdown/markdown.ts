/**
 * Markdown of strangers as HTML that cannot do harm: no scripts, no styles, no
 * pictures of other servers, and links that say where they lead.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import MarkdownIt from "markdown-it";
import sanitizeHtml from "sanitize-html";

/** Longest text that is read as Markdown, in characters; a longer one is shown as it is. */
const MAX_TEXT = 100_000;

/** Texts that are kept as HTML, in characters together. */
const MAX_KEPT = 8_000_000;

/** Deepest nesting of elements. */
const MAX_DEPTH = 60;

const kept = new LRUCache<string, string>({
  maxSize: MAX_KEPT,
  sizeCalculation: (html) => html.length + 64,
});

const markdown = new MarkdownIt({ html: true, linkify: true });

const HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"] as const;

/** Every heading one level deeper, because the page has a first one already. */
const SHIFTED = Object.fromEntries(
  HEADINGS.map((name, i) => [name, HEADINGS[Math.min(i + 1, 5)] ?? "h6"]),
);

const RULES: sanitizeHtml.IOptions = {
  allowedTags: [
    ...HEADINGS,
    ...["a", "b", "blockquote", "br", "code", "dd", "del", "details", "div"],
    ...["dl", "dt", "em", "hr", "i", "ins", "kbd", "li", "mark", "ol", "p"],
    ...["pre", "q", "s", "samp", "small", "span", "strong", "sub", "summary"],
    ...["sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul"],
    "var",
  ],
  allowedAttributes: {
    a: ["href", "rel", "title"],
    ol: ["start"],
    td: ["colspan", "rowspan"],
    th: ["colspan", "rowspan", "scope"],
    details: ["open"],
    pre: ["tabindex"],
    table: ["tabindex"],
  },
  allowedSchemes: ["http", "https", "mailto"],
  allowedSchemesAppliedToAttributes: ["href"],
  allowProtocolRelative: false,
  nestingLimit: MAX_DEPTH,
  transformTags: {
    ...SHIFTED,
    a: (_, { href, title }) => ({
      tagName: "a",
      attribs: {
        ...(isWeb(href) ? { href } : {}),
        ...(title === undefined ? {} : { title }),
        rel: "nofollow ugc noopener",
      },
    }),
    img: (_, { src, alt }) => {
      const text = `[${alt || "picture"}]`;
      return isWeb(src)
        ? {
          tagName: "a",
          attribs: { href: src, rel: "nofollow ugc noopener" },
          text,
        }
        : { tagName: "span", attribs: {}, text };
    },
    // So that what is wider than the page can be scrolled by key.
    pre: () => ({ tagName: "pre", attribs: { tabindex: "0" } }),
    table: () => ({ tagName: "table", attribs: { tabindex: "0" } }),
  },
};

/** The same for texts of the operator, which may lead to other pages here. */
const OPERATOR_RULES: sanitizeHtml.IOptions = {
  ...RULES,
  transformTags: {
    ...RULES.transformTags,
    a: (_, { href }) => ({
      tagName: "a",
      attribs: isWeb(href) || isOwnPath(href) ? { href } : {},
    }),
  },
};

/** The HTML of a stranger's `text`; the same text is rendered once. */
export function markdownHtml(text: string): string {
  return rendered(text, "stranger", RULES);
}

/** The HTML of a text of this server's operator. */
export function operatorHtml(text: string): string {
  return rendered(text, "operator", OPERATOR_RULES);
}

function rendered(
  text: string,
  author: string,
  rules: sanitizeHtml.IOptions,
): string {
  const key = createHash("sha256").update(`${author} ${text}`).digest("base64");
  const known = kept.get(key);
  if (known !== undefined) return known;
  const html = text.length > MAX_TEXT
    ? `<pre tabindex="0">${escaped(text)}</pre>`
    : sanitizeHtml(markdown.render(text), rules);
  kept.set(key, html);
  return html;
}

/** Whether a link leads to another site; those within the source of a README lead nowhere here. */
function isWeb(href: string | undefined): href is string {
  return href !== undefined && /^(?:https?:\/\/|mailto:)/i.test(href.trim());
}

/** Whether a link leads to a page of this server. */
function isOwnPath(href: string | undefined): href is string {
  return href !== undefined && /^\/(?![/\\])/.test(href);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}
