/**
 * The lexicon documents of this program, prepared for validation.
 *
 * @module
 */

import { type LexiconDoc, Lexicons, parseLexiconDoc } from "@atproto/lexicon";
import {
  LEXICON_DOCUMENTS,
  NETWORK_DOCUMENTS,
} from "../../../lexicons/generated.ts";

/** The documents of this project. */
const documents: readonly LexiconDoc[] = LEXICON_DOCUMENTS.map((
  document,
) => parseLexiconDoc(document));

const recordNsids: ReadonlySet<unknown> = new Set(
  documents.filter(({ defs }) => defs["main"]?.type === "record")
    .map(({ id }) => id),
);

/** These and those of the network for methods that take input. */
export const lexicons = new Lexicons([
  ...documents.map(withRecordObject),
  // The library modifies its argument.
  ...structuredClone(NETWORK_DOCUMENTS),
]);

/**
 * The library cannot follow a reference to a record, so each record gets a
 * separate definition of its object, and references point to it.
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
