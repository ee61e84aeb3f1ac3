/**
 * The handle or DID in what people and pages put into an address.
 *
 * @module
 */

import { parseDid } from "../did.ts";

/** Maximum characters of an identifier; that of a DID. */
const MAX_IDENTIFIER = 2048;
/** Invisible characters, which come along when a handle is copied from a page. */
const INVISIBLE = /\p{Cf}/gu;
/** Beyond a host name: parts of a URL, and what the platform's parser removes from a host. */
const NOT_OF_A_HOST = /[/\\?#@:%[\]\s\p{Cc}]/u;
const NON_ASCII = /[^\0-\x7f]/;
/** Names requested by browsers and robots that look like handles. */
const FILES = /\.(?:ico|txt|xml|html|php|js|css|map|webmanifest)$/;

/**
 * A potential handle, in ASCII and lower case, or DID; undefined for other
 * text. A leading `@` or `at://`, a dot at the end, and invisible characters
 * are dropped; an international name is converted to punycode. Whether a handle
 * is valid and exists is not checked.
 */
export function readIdentifier(text: string): string | undefined {
  if (text.length > MAX_IDENTIFIER) return undefined;
  const bare = text.replaceAll(INVISIBLE, "").trim()
    .replace(/^at:\/\//i, "").replace(/^@/, "");
  if (/^did:/i.test(bare)) return canonicalDid(bare);
  const name = asciiName(bare)?.replace(/\.$/, "");
  const plausible = name !== undefined && name.includes(".") &&
    !name.startsWith(".") && !FILES.test(name);
  return plausible ? name : undefined;
}

/** The parts before the identifier's own are not case-sensitive to people. */
function canonicalDid(text: string): string {
  const did = text.replace(/^did:[a-z]+:/i, (prefix) => prefix.toLowerCase());
  return parseDid(did) ?? did;
}

/** Lower case and, for an international name, in punycode (UTS 46, as in URLs). */
function asciiName(name: string): string | undefined {
  if (!NON_ASCII.test(name)) return name.toLowerCase();
  if (NOT_OF_A_HOST.test(name)) return undefined;
  return URL.parse(`https://${name}`)?.hostname;
}
