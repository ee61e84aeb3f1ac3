/**
 * The rules of RFC 4287 that an Atom feed can break, without a schema: which
 * elements there are and how often, and what their texts are.
 *
 * @module
 */

import assert from "node:assert/strict";

/** An element of a document. */
interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  text: string;
}

/** How often an element occurs: at least, and at most. */
type Counts = Readonly<Record<string, readonly [number, number]>>;

const ATOM = "http://www.w3.org/2005/Atom";

/** RFC 4287, 4.1.1, without what we never write. */
const FEED: Counts = {
  ...{ id: [1, 1], title: [1, 1], updated: [1, 1] },
  ...{ subtitle: [0, 1], generator: [0, 1], author: [0, Infinity] },
  ...{ link: [1, Infinity], entry: [0, Infinity] },
};

/** RFC 4287, 4.1.2. */
const ENTRY: Counts = {
  ...{ id: [1, 1], title: [1, 1], updated: [1, 1] },
  ...{ published: [0, 1], summary: [0, 1], author: [0, Infinity] },
  link: [1, Infinity],
};

/** RFC 4287, 3.2. */
const PERSON: Counts = { name: [1, 1], uri: [0, 1], email: [0, 1] };

const TOKEN =
  /<\?[^>]*\?>|<\/([\w:]+)>|<([\w:]+)((?:\s[^<>]*?)?)(\/?)>|[^<]+/gy;
const ATTRIBUTE = /\s+([\w:]+)="([^"<]*)"/gy;
const REFERENCE = /&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[\da-fA-F]+);)/;
const DATE =
  /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;
/** An absolute IRI: a scheme, and no character that has to be escaped. */
const IRI = /^[a-z][a-z0-9+.-]*:[^\s<>"{}|\\^`]+$/i;

/** Throws an AssertionError where `xml` is not a valid Atom feed. */
export function assertAtom(xml: string): void {
  const feed = parse(xml);
  assert.equal(feed.name, "feed");
  assert.equal(feed.attributes.xmlns, ATOM);
  check(feed, FEED);
  const entries = childrenOf(feed, "entry");
  const hasAuthor = childrenOf(feed, "author").length > 0;
  for (const entry of entries) {
    check(entry, ENTRY);
    assert.ok(hasAuthor || childrenOf(entry, "author").length > 0);
  }
  assert.ok(hasAuthor || entries.length > 0, "a feed needs an author");
  const ids = [feed, ...entries].map((one) => childrenOf(one, "id")[0]?.text);
  assert.equal(new Set(ids).size, ids.length, "an id occurs twice");
}

/** Checks a feed or an entry. */
function check(element: Element, counts: Counts): void {
  checkCounts(element, counts);
  for (const { name, text } of element.children) {
    if (name === "id") assert.match(text, IRI);
    if (name === "updated" || name === "published") assert.match(text, DATE);
    if (name === "title") assert.notEqual(text.trim(), "");
  }
  for (const author of childrenOf(element, "author")) {
    checkCounts(author, PERSON);
    for (const { text } of childrenOf(author, "uri")) assert.match(text, IRI);
  }
  const kinds = childrenOf(element, "link").map(({ attributes }) => {
    assert.match(attributes.href ?? "", IRI);
    return `${attributes.rel ?? "alternate"} ${attributes.type}`;
  });
  assert.equal(new Set(kinds).size, kinds.length, "two links of one kind");
  assert.ok(kinds.some((kind) => kind.startsWith("alternate ")));
}

function checkCounts({ name, children }: Element, counts: Counts): void {
  for (const child of children) {
    assert.ok(Object.hasOwn(counts, child.name), `${name} has ${child.name}`);
  }
  for (const [child, [least, most]] of Object.entries(counts)) {
    const { length } = children.filter((one) => one.name === child);
    assert.ok(least <= length && length <= most, `${name}: ${length} ${child}`);
  }
}

function childrenOf({ children }: Element, name: string): Element[] {
  return children.filter((child) => child.name === name);
}

/** Reads a document without comments and CDATA; throws an AssertionError where it is not well-formed. */
function parse(xml: string): Element {
  assert.doesNotMatch(xml, /[^\P{Cc}\t\n\r]|[\ufffe\uffff]/u);
  assert.ok(xml.isWellFormed());
  const root: Element = { name: "", attributes: {}, children: [], text: "" };
  const open = [root];
  let at = 0;
  for (
    const [token, closed, name, attributes = "", empty] of xml.matchAll(TOKEN)
  ) {
    at += token.length;
    const parent = open.at(-1) ?? root;
    if (closed !== undefined) {
      assert.equal(parent.name, closed);
      open.pop();
    } else if (name !== undefined) {
      const element = {
        ...{ name, attributes: attributesOf(attributes) },
        ...{ children: [], text: "" },
      };
      parent.children.push(element);
      if (empty === "") open.push(element);
    } else if (!token.startsWith("<?")) {
      assert.doesNotMatch(token, REFERENCE);
      parent.text += token;
    }
  }
  assert.equal(at, xml.length, xml.slice(at, at + 80));
  assert.equal(open.length, 1, "an element is not closed");
  const [first, ...more] = root.children;
  assert.ok(first && more.length === 0 && root.text.trim() === "");
  return first;
}

function attributesOf(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  let at = 0;
  for (const [all, name = "", value = ""] of text.matchAll(ATTRIBUTE)) {
    at += all.length;
    assert.doesNotMatch(value, REFERENCE);
    assert.ok(!Object.hasOwn(found, name), `two attributes ${name}`);
    found[name] = value;
  }
  assert.equal(text.slice(at).trim(), "");
  return found;
}
