import assert from "node:assert/strict";
import { markdownHtml } from "./markdown.ts";

const HARMLESS = new Set([
  ...["a", "b", "blockquote", "br", "code", "dd", "del", "details", "div"],
  ...["img"],
  ...["dl", "dt", "em", "h2", "h3", "h4", "h5", "h6", "hr", "i", "ins", "kbd"],
  ...["li", "mark", "ol", "p", "pre", "q", "s", "samp", "small", "span"],
  ...["strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot"],
  ...["th", "thead", "tr", "ul", "var"],
]);

/** Tags and attributes of HTML that this project has written; the rest of it is text. */
function partsOf(html: string) {
  return [...html.matchAll(/<\/?([a-z][^\s/>]*)([^>]*)>/gi)].map(
    ([, tag = "", attributes = ""]) => ({
      tag,
      names: [...attributes.matchAll(/([^\s=]+)(?:="([^"]*)")?/g)]
        .map(([, name = "", value = ""]) => ({ name, value })),
    }),
  );
}

/** Stands for the signed address of a picture. */
function pictureOf(url: string): string | undefined {
  return url.startsWith("https://") ? `/pictures/${btoa(url)}` : undefined;
}

function requireHarmless(html: string, from: string): void {
  for (const { tag, names } of partsOf(html)) {
    assert.ok(HARMLESS.has(tag), `${tag} of ${from}: ${html}`);
    for (const { name, value } of names) {
      if (tag === "img") {
        assert.match(name, /^(?:src|alt|width|height|loading|decoding|\/)$/);
        if (name === "src") assert.match(value, /^\/pictures\/[\w+/=]+$/, from);
        continue;
      }
      if (name === "class") {
        assert.match(value, /^(?:hljs-[\w ]+)$/, `${from}: ${html}`);
        continue;
      }
      assert.ok(
        /^(?:href|rel|title|start|colspan|rowspan|scope|open|tabindex|\/)$/
          .test(name),
        `${name} of ${from}: ${html}`,
      );
      if (name !== "href") continue;
      assert.match(value, /^(?:https?:\/\/|mailto:)/i, `${from}: ${html}`);
    }
  }
}

const SCHEMES = [
  ...["javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)"],
  ...["\u0001javascript:alert(1)", "javascript&colon;alert(1)"],
  ...["data:text/html,<script>alert(1)</script>", "vbscript:msgbox(1)"],
  ...["//evil.test/x", "/auth/logout", "file:///etc/passwd", "blob:x"],
];

const ELEMENTS = [
  ...["script", "style", "iframe", "object", "embed", "form", "input"],
  ...["button", "svg", "math", "link", "meta", "base", "template", "noscript"],
  ...["video", "audio", "source", "textarea", "select", "frameset", "portal"],
  ...["f-island", "dialog", "body", "html", "head", "title", "xmp", "marquee"],
];

const HANDLERS = [
  ...["onerror", "onload", "onclick", "onmouseover", "onfocus", "ontoggle"],
  ...["onanimationstart", "onpointerenter", "style", "class", "id", "srcdoc"],
  ...["formaction", "ping", "data-props", "is", "slot", "nonce"],
];

Deno.test("no text becomes a script, a style, a form or a request of its own", () => {
  const texts = [
    ...SCHEMES.flatMap((url) => [
      `[a](${url})`,
      `<a href="${url}">a</a>`,
      `![a](${url})`,
      `<img src="${url}">`,
      `[a]: ${url}\n\n[a]`,
      `<${url}>`,
    ]),
    ...ELEMENTS.flatMap((name) => [
      `<${name}>alert(1)</${name}>`,
      `<${name} src=//evil.test/x href=javascript:alert(1)>`,
      `<p><${name.toUpperCase()}/onload=alert(1)>`,
    ]),
    ...HANDLERS.flatMap((name) => [
      `<p ${name}="alert(1)">a</p>`,
      `<details open ${name}=alert(1)>a</details>`,
    ]),
    `"'><img src=x onerror=alert(1)>`,
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "```js\n</code></pre><script>alert(1)</script>\n```",
    "| a |\n|--|\n| <script>alert(1)</script> |",
    `${"<div>".repeat(300)}<script>alert(1)</script>`,
  ];
  assert.ok(texts.length > 150, String(texts.length));
  for (const text of texts) {
    requireHarmless(markdownHtml(text), text);
    requireHarmless(markdownHtml(text, pictureOf), text);
  }
});

Deno.test("what people write is there: headings below that of the page, lists, code, links", () => {
  const html = markdownHtml(
    "# Title\n\nSome **bold** text, https://example.com\n\n- one\n- two\n\n```sh\ndocker run <app>\n```\n\n![logo](https://example.com/logo.png)",
  );
  assert.match(html, /<h2>Title<\/h2>/);
  assert.match(html, /<strong>bold<\/strong>/);
  assert.match(html, /<a href="https:\/\/example\.com" rel="nofollow ugc/);
  assert.match(html, /<li>one<\/li>/);
  assert.match(html, /docker run &lt;app&gt;/);
  assert.match(
    html,
    /<a href="https:\/\/example\.com\/logo\.png"[^>]*>\[logo\]/,
  );
  assert.doesNotMatch(html, /<img/);
});

Deno.test("a text that is too long is shown as it is", () => {
  const html = markdownHtml(`# ${"<b>x".repeat(50_000)}`);
  assert.ok(html.startsWith('<pre tabindex="0"># &lt;b&gt;x'));
});

Deno.test("pictures of a text come from this server, and those that it does not show are links", () => {
  const html = markdownHtml(
    [
      "[![build](https://ci.test/badge.png)](https://ci.test/)",
      '<img src="https://pics.test/a.png" width="200" height="x" onerror=alert(1)>',
      "![old](http://plain.test/b.png) ![own](./c.png)",
    ].join("\n\n"),
    pictureOf,
  );
  const own = `src="/pictures/${btoa("https://ci.test/badge.png")}"`;
  assert.match(html, /<a href="https:\/\/ci\.test\/" rel="nofollow/);
  assert.ok(html.includes(`<img ${own} alt="build" loading="lazy"`), html);
  assert.match(html, /width="200"/);
  assert.doesNotMatch(html, /height=|onerror|src="http/);
  assert.match(html, /<a href="http:\/\/plain\.test\/b\.png"[^>]*>\[old\]/);
  assert.match(html, /<span>\[own\]<\/span>/);
});

Deno.test("code in a known language has classes, other code and the rest of much code are plain", () => {
  const html = markdownHtml(
    '```json\n{ "a": 1 }\n```\n\n```klingon\nqapla\n```\n\n```\nplain <b>\n```',
  );
  assert.match(
    html,
    /<span class="hljs-attr">&quot;a&quot;<\/span>|<span class="hljs-attr">"a"<\/span>/,
  );
  assert.match(html, /<code>qapla\n<\/code>/);
  assert.match(html, /<code>plain &lt;b&gt;\n<\/code>/);
  const block = `\`\`\`json\n${"[1],".repeat(3_000)}\n\`\`\`\n\n`;
  const many = markdownHtml(block.repeat(4));
  assert.equal(many.split("<pre").length, 5);
  assert.match(many.split("<pre")[1] ?? "", /hljs-number/);
  assert.doesNotMatch(many.split("<pre")[4] ?? "", /hljs-/);
});
