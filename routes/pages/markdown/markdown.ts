/**
 * Markdown of strangers as HTML that cannot do harm: no scripts, no styles, no
 * requests to other servers, and links that say where they lead.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import MarkdownIt from "markdown-it";
import sanitizeHtml from "sanitize-html";
import { CODE_CLASSES, highlighted } from "./highlight.ts";

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

/** Characters of one text whose code gets colours; the rest of it is plain. */
const MAX_HIGHLIGHTED = 20_000;

/** The address, on this server, of a picture that a text names; undefined where it is not shown. */
export type PictureOfUrl = (url: string) => string | undefined;

/** Name, in the state of one rendering, of the characters of code that may still get colours. */
const LEFT = Symbol("left");

const markdown = new MarkdownIt({ html: true, linkify: true });

markdown.renderer.rules["fence"] = (
  tokens,
  i,
  _options,
  rendering = {},
) => {
  const { content = "", info = "" } = tokens[i] ?? {};
  const [language = ""] = info.trim().toLowerCase().split(/[\s,{]/);
  const before = Number(rendering[LEFT] ?? MAX_HIGHLIGHTED);
  const left = language === "" ? before : before - content.length;
  rendering[LEFT] = left;
  const html = language !== "" && left >= 0
    ? highlighted(content, language)
    : undefined;
  return `<pre><code>${html ?? escaped(content)}</code></pre>\n`;
};

const HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"] as const;

/** Every heading one level deeper, because the page has a first one already. */
const SHIFTED = Object.fromEntries(
  HEADINGS.map((name, i) => [name, HEADINGS[Math.min(i + 1, 5)] ?? "h6"]),
);

const LINK = { rel: "nofollow ugc noopener" };

/** Sides of a picture that a text may ask for, in pixels. */
const SIDE = /^[1-9]\d{0,3}$/;

const rulesFor = (pictureOf: PictureOfUrl): sanitizeHtml.IOptions => ({
  allowedTags: [
    ...HEADINGS,
    ...["a", "b", "blockquote", "br", "code", "dd", "del", "details", "div"],
    ...["dl", "dt", "em", "hr", "i", "img", "ins", "kbd", "li", "mark", "ol"],
    "p",
    ...["pre", "q", "s", "samp", "small", "span", "strong", "sub", "summary"],
    ...["sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul"],
    "var",
  ],
  allowedAttributes: {
    a: ["href", "rel", "title"],
    img: ["src", "alt", "width", "height", "loading", "decoding"],
    ol: ["start"],
    td: ["colspan", "rowspan"],
    th: ["colspan", "rowspan", "scope"],
    details: ["open"],
    pre: ["tabindex"],
    table: ["tabindex"],
  },
  allowedClasses: { span: CODE_CLASSES },
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
        ...LINK,
      },
    }),
    img: (_, { src, alt, width, height }) => {
      const own = src === undefined ? undefined : pictureOf(src);
      if (own !== undefined) {
        const sides = Object.entries({ width, height })
          .filter(([, side]) => SIDE.test(side ?? ""));
        const attribs = {
          ...{ src: own, alt: alt ?? "", loading: "lazy", decoding: "async" },
          ...Object.fromEntries(sides),
        };
        return { tagName: "img", attribs };
      }
      const text = `[${alt || "picture"}]`;
      return isWeb(src)
        ? { tagName: "a", attribs: { href: src, ...LINK }, text }
        : { tagName: "span", attribs: {}, text };
    },
    // So that what is wider than the page can be scrolled by key.
    pre: () => ({ tagName: "pre", attribs: { tabindex: "0" } }),
    table: () => ({ tagName: "table", attribs: { tabindex: "0" } }),
  },
});

/** Where no pictures are shown, a link stands in their place. */
const NO_PICTURES: PictureOfUrl = () => undefined;

const RULES = rulesFor(NO_PICTURES);

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

/** The HTML of a stranger's `text`; the same text is rendered once. Where no pictures are shown, links to them are. */
export function markdownHtml(text: string, pictureOf?: PictureOfUrl): string {
  return pictureOf === undefined
    ? rendered(text, "stranger", RULES)
    : rendered(text, "stranger with pictures", rulesFor(pictureOf));
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
    : sanitizeHtml(markdown.render(text, {}), rules);
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
