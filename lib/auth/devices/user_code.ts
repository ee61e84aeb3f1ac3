/**
 * The short code that a user reads on one screen and types on another (RFC
 * 8628, section 6.1).
 *
 * @module
 */

/**
 * Letters that are not confused with each other or with digits; without vowels,
 * so that codes form no words.
 */
const ALPHABET = "BCDFGHJKLMNPQRSTVWXZ";

const LENGTH = 8;

/**
 * Largest multiple of the alphabet's size that fits into a byte: larger bytes
 * would bias the letters.
 */
const FAIR = 256 - 256 % ALPHABET.length;

/** A random code of 8 letters, 34 bits; see {@linkcode showUserCode}. */
export function randomUserCode(): string {
  let code = "";
  while (code.length < LENGTH) {
    const [byte = FAIR] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < FAIR) code += ALPHABET[byte % ALPHABET.length];
  }
  return code;
}

/** Formats the code for display: `BCDF-GHJK`. */
export function showUserCode(code: string): string {
  return `${code.slice(0, 4)}-${code.slice(4)}`;
}

/** Parses a typed code, in any case, with any separators; undefined when it is malformed. */
export function parseUserCode(text: string): string | undefined {
  if (text.length > 40) return undefined;
  const code = text.toUpperCase().replace(/[\s\p{P}]/gu, "");
  const isCode = code.length === LENGTH &&
    [...code].every((letter) => ALPHABET.includes(letter));
  return isCode ? code : undefined;
}
