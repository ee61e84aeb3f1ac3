/**
 * Words that repositories and owners are found by, and words of a query.
 *
 * @module
 */

const MAX_WORD = 32;
const MAX_NAME_WORDS = 8;
const MAX_TEXT_WORDS = 8;

/** Shorter words of a description find too much. */
const MIN_TEXT_WORD = 3;

/** Words of a description that nearly all have. */
const STOP_WORDS = new Set(
  "and are for from image images into that the this with you your".split(" "),
);

/** The words of `text` in lower case, each once, cut to 32 characters. */
export function wordsOf(text: string): string[] {
  const words = text.normalize("NFKC").toLowerCase().match(/[\p{L}\p{N}]+/gu);
  return [...new Set(words?.map((word) => word.slice(0, MAX_WORD)))];
}

/** Words of a repository by its name and by what is said about it. */
export function repositoryWords(
  repo: string,
  texts: readonly (string | undefined)[],
): ReadonlySet<string> {
  const words = new Set(wordsOf(repo).slice(0, MAX_NAME_WORDS));
  const told = texts.flatMap((text) => text === undefined ? [] : wordsOf(text))
    .filter((word) => word.length >= MIN_TEXT_WORD && !STOP_WORDS.has(word));
  for (const word of told.slice(0, MAX_TEXT_WORDS)) words.add(word);
  return words;
}

/** Words of an owner: the whole handle, its labels but the last, and the display name. */
export function ownerWords(
  handle: string | undefined,
  displayName: string | undefined,
): string[] {
  const labels = handle?.split(".") ?? [];
  return [
    ...new Set([
      ...wordsOf(labels.slice(0, Math.max(1, labels.length - 1)).join(" ")),
      ...wordsOf(displayName ?? ""),
    ]),
  ].slice(0, MAX_NAME_WORDS);
}
