/**
 * The lexicons of `io.atcr.*`, parsed once.
 *
 * @module
 */

import { type LexiconDoc, Lexicons, parseLexiconDoc } from "@atproto/lexicon";
import { LEXICON_DOCUMENTS } from "./lexicon_documents.ts";

/** Every document. */
export const documents = LEXICON_DOCUMENTS.map((document) =>
  parseLexiconDoc(document)
);
const recordNsids: ReadonlySet<unknown> = new Set(
  documents.filter(({ defs }) => defs["main"]?.type === "record")
    .map(({ id }) => id),
);

/** All of them together, for checks. */
export const lexicons = new Lexicons(documents.map(withRecordObject));

/**
 * The library cannot follow a reference to a record, so that every record gets
 * a definition of its object, and references lead there.
 */
function withRecordObject(document: LexiconDoc): LexiconDoc {
  const main = document.defs["main"];
  const defs = main?.type === "record"
    ? { ...document.defs, record: main.record }
    : document.defs;
  const text = JSON.stringify(
    { ...document, defs },
    (key, value) =>
      key === "ref" && recordNsids.has(value) ? `${value}#record` : value,
  );
  return parseLexiconDoc(JSON.parse(text));
}
