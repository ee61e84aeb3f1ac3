import assert from "node:assert/strict";
import { assertAtom } from "../../tests/support/atom_rules.ts";
import { type AtomEntry, type AtomFeed, atomFeed } from "./atom.ts";

const ENTRY: AtomEntry = {
  id: "tag:registry.example.com,2026:push/1",
  title: "alice/app:v1",
  summary: "alice set the tag v1",
  url: "https://registry.example.com/r/alice/app:v1",
  at: Date.UTC(2026, 5, 1, 12),
  author: { name: "alice", uri: "https://registry.example.com/u/alice" },
};

const FEED: AtomFeed = {
  id: "tag:registry.example.com,2026:pushes",
  title: "Pushes",
  subtitle: "What was pushed",
  self: "https://registry.example.com/feed.atom",
  page: "https://registry.example.com/",
  entries: [ENTRY, { ...ENTRY, id: `${ENTRY.id}2` }],
};

Deno.test("feeds keep the rules of RFC 4287, with entries and without", () => {
  assertAtom(atomFeed(FEED));
  assertAtom(atomFeed({ ...FEED, entries: [] }));
});

Deno.test("no text of others breaks a feed", () => {
  for (
    const text of [
      ...["<b>&amp;", "]]>", "&#0;", "\0\x01\x1f\x7f", "\ufffe\uffff\ud800"],
      ...["\"'", "<!-- -->", "<?php ?>", "\u202e", "<entry>"],
    ]
  ) {
    assertAtom(atomFeed({
      ...FEED,
      title: `a ${text}`,
      subtitle: text,
      entries: [{
        ...ENTRY,
        title: `a ${text}`,
        summary: text,
        author: { ...ENTRY.author, name: `a ${text}` },
      }],
    }));
  }
});

Deno.test("the rules find what is wrong with a feed", () => {
  const xml = atomFeed(FEED);
  const broken = {
    "no id": xml.replace(/<id>[^<]*<\/id>/, ""),
    "no time": xml.replace(/<updated>[^<]*<\/updated>/, ""),
    "two titles": xml.replace(/<title>/, "<title>x</title><title>"),
    "a bad time": xml.replace(/<updated>\d+/, "<updated>June 1"),
    "a relative id": xml.replace(/<id>[^<]*/, "<id>1"),
    "no author": xml.replace(/<author>.*?<\/author>/s, ""),
    "an unknown element": xml.replace("<entry>", "<item/><entry>"),
    "another namespace": xml.replace("2005/Atom", "2006/Atom"),
    "an open element": xml.replace("</entry>", ""),
    "a bare ampersand": xml.replace("Pushes", "Pushes & pulls"),
    "one id twice": xml.replace(`${ENTRY.id}2`, ENTRY.id),
    "no link": xml.replaceAll(/<link [^>]*>/g, ""),
  };
  for (const [name, text] of Object.entries(broken)) {
    assert.notEqual(text, xml, name);
    assert.throws(() => assertAtom(text), assert.AssertionError, name);
  }
});
