/**
 * XML documents.
 *
 * @module
 */

import XMLBuilder from "fast-xml-builder";
import { printable } from "../../lib/text.ts";

/** An element: attributes begin with `@`, `#text` is its text. */
export type XmlElement = { readonly [name: string]: XmlContent };

type XmlContent =
  | string
  | undefined
  | XmlElement
  | readonly XmlElement[]
  | readonly string[];

const builder = new XMLBuilder({
  attributeNamePrefix: "@",
  ignoreAttributes: false,
  suppressEmptyNode: true,
  suppressBooleanAttributes: false,
});

/** Characters that no XML 1.0 document may have ("Char") besides controls. */
const FORBIDDEN = /[\ufffe\uffff]/g;

/** A document with one root element. What is undefined is left out. */
export function xmlDocument(root: string, element: XmlElement): string {
  const body: string = builder.build({ [root]: element });
  return `<?xml version="1.0" encoding="UTF-8"?>\n${body}\n`;
}

/** Foreign text without what XML does not allow. */
export function xmlText(text: string): string {
  return printable(text.toWellFormed()).replace(FORBIDDEN, "\ufffd");
}
