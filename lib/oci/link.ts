/**
 * The `Link` header (RFC 8288), by which lists say where they go on.
 *
 * @module
 */

import { MAX_HEADER_LENGTH, paramAt } from "./header_params.ts";

/** One link of a header. */
export interface Link {
  /** URL or path as written, relative to the request's. */
  readonly target: string;
  /** Relation types in lower case, for example `["next"]`. */
  readonly rel: readonly string[];
}

/** Most links that are read from one header. */
const MAX_LINKS = 100;

/**
 * Builds `</v2/…?n=…&last=…>; rel="next"`. `path` is percent-encoded already;
 * parameters are encoded here, in their order, and left out when undefined.
 */
export function formatNextLink(
  path: string,
  parameters: Iterable<readonly [string, string | number | undefined]>,
): string {
  const query = new URLSearchParams();
  for (const [name, value] of parameters) {
    if (value !== undefined) query.append(name, String(value));
  }
  // Nothing may end the target early, whatever path the caller was given.
  const target = path.replace(/[^\x21-\x7e]|[<>"]/gu, encodeCharacter);
  return `<${target}?${query}>; rel="next"`;
}

function encodeCharacter(character: string): string {
  // A lone surrogate has no encoding.
  return character.isWellFormed() ? encodeURIComponent(character) : "";
}

/** Reads a `Link` header; reading stops at the first thing that is no link. */
export function parseLinks(header: string | null | undefined): Link[] {
  const links: Link[] = [];
  const text = header ?? "";
  if (text.length > MAX_HEADER_LENGTH) return links;
  let at = 0;
  while (links.length < MAX_LINKS) {
    while (isOneOf(text[at], " \t,")) at++;
    if (text[at] !== "<") break;
    const close = text.indexOf(">", at);
    if (close < 0) break;
    const target = text.slice(at + 1, close);
    let rel: string | undefined;
    at = skipSpace(text, close + 1);
    while (text[at] === ";") {
      const param = paramAt(text, at + 1);
      if (param === undefined) return links;
      // The first rel counts (RFC 8288, section 3.3).
      if (param.name === "rel") rel ??= param.value;
      at = param.end;
    }
    links.push({ target, rel: relations(rel ?? "") });
  }
  return links;
}

/** Target of the link to the next page, undefined on the last one. */
export function nextLink(
  header: string | null | undefined,
): string | undefined {
  return parseLinks(header).find(({ rel }) => rel.includes("next"))?.target;
}

function relations(text: string): string[] {
  return text.toLowerCase().split(/[ \t]/).filter((rel) => rel !== "");
}

function skipSpace(text: string, at: number): number {
  let next = at;
  while (isOneOf(text[next], " \t")) next++;
  return next;
}

function isOneOf(character: string | undefined, set: string): boolean {
  return character !== undefined && set.includes(character);
}
