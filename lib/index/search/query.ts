/**
 * The words and filters of a search.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import {
  type Owner,
  parseImageName,
  parseReference,
  type Reference,
} from "../../oci/name.ts";
import type { CardFilter } from "../reads/card_reads.ts";
import { type PageRequest } from "../cursor.ts";
import { wordsOf } from "./words.ts";

/** A search. */
export interface SearchOptions extends PageRequest, CardFilter {
  /** What was typed; at most 400 characters. All repositories, the most popular first, when it is empty. */
  readonly q?: string | undefined;
  /** Only repositories of this owner. */
  readonly owner?: Did | undefined;
}

/** An image that was named in full. */
interface NamedImage {
  readonly owner: Owner;
  readonly repo: string;
  readonly reference: Reference | undefined;
}

/** A search that was understood. */
export interface Query {
  /** In lower case, without spaces around. */
  readonly text: string;
  /** The word that rows are looked up by; empty for all. */
  readonly first: string;
  /** What else has to be there. */
  readonly others: readonly string[];
  /** The image that is named in full. */
  readonly named: NamedImage | undefined;
}

/** Room for a name of 255 characters with a digest. */
const MAX_TEXT = 400;
const MAX_WORDS = 6;

/** Reads the words of a search. Throws AppError `INVALID_REQUEST` when there are too many. */
export function readQuery({ q = "" }: SearchOptions): Query {
  const typed = q.trim();
  const text = typed.toLowerCase();
  const named = typed.length > MAX_TEXT ? undefined : namedImage(typed);
  const words = wordsOf(text).slice(0, named ? MAX_WORDS : undefined);
  if (typed.length > MAX_TEXT || words.length > MAX_WORDS) {
    throw new AppError(
      "INVALID_REQUEST",
      `A search has at most ${MAX_TEXT} characters and ${MAX_WORDS} words; leave some out.`,
    );
  }
  // The longest word leaves the fewest to look through.
  const [first = "", ...others] = words.toSorted((a, b) => b.length - a.length);
  return { text, first, others, named };
}

/** The image that `text` names in full, as `owner/repo`, `owner/repo:tag` or `owner/repo@digest`. */
function namedImage(text: string): NamedImage | undefined {
  if (!text.includes("/")) return undefined;
  // A DID has colons of its own.
  const slash = text.indexOf("/");
  const found = /[@:](?=[^/]*$)/.exec(text.slice(slash));
  const at = text.indexOf("@", slash);
  const end = at >= 0 ? at : found ? slash + found.index : text.length;
  try {
    const { owner, repository } = parseImageName(text.slice(0, end));
    const reference = end < text.length
      ? parseReference(text.slice(end + 1))
      : undefined;
    return { owner, repo: repository, reference };
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}
