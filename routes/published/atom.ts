/**
 * Atom feeds (RFC 4287).
 *
 * @module
 */

import { xmlDocument, type XmlElement, xmlText } from "./xml.ts";

/** A feed. */
export interface AtomFeed {
  /** Never changes, whatever the feed's address and title. */
  readonly id: string;
  readonly title: string;
  readonly subtitle: string;
  /** URL of the feed. */
  readonly self: string;
  /** URL of the page that shows the same. */
  readonly page: string;
  /** The newest first. */
  readonly entries: readonly AtomEntry[];
}

/** An entry of a feed. */
export interface AtomEntry {
  /** Never changes, and belongs to no other entry. */
  readonly id: string;
  readonly title: string;
  readonly summary: string;
  readonly url: string;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly author: { readonly name: string; readonly uri: string };
}

/** The content type of feeds. */
export const ATOM_TYPE = "application/atom+xml; charset=utf-8";

/** Writes a feed. One without entries was last changed at the Unix epoch. */
export function atomFeed(feed: AtomFeed): string {
  const updated = feed.entries.reduce((last, { at }) => Math.max(last, at), 0);
  return xmlDocument("feed", {
    "@xmlns": "http://www.w3.org/2005/Atom",
    "@xml:lang": "en",
    id: feed.id,
    title: xmlText(feed.title),
    subtitle: xmlText(feed.subtitle),
    updated: timeOf(updated),
    generator: "ATCR",
    link: [
      { "@rel": "self", "@type": "application/atom+xml", "@href": feed.self },
      { "@rel": "alternate", "@type": "text/html", "@href": feed.page },
    ],
    // RFC 4287, 4.1.1: a feed without entries needs an author of its own.
    ...(feed.entries.length === 0 ? { author: { name: "ATCR" } } : {}),
    entry: feed.entries.map(entryOf),
  });
}

function entryOf(entry: AtomEntry): XmlElement {
  const { id, title, summary, url, at, author } = entry;
  return {
    id,
    title: xmlText(title),
    updated: timeOf(at),
    published: timeOf(at),
    link: [{ "@rel": "alternate", "@type": "text/html", "@href": url }],
    author: { name: xmlText(author.name), uri: author.uri },
    summary: xmlText(summary),
  };
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}
