/**
 * Parameters of HTTP headers: `name=token` and `name="quoted string"`
 * (RFC 9110, section 5.6).
 *
 * @module
 */

/** Longest header that is read; a longer one counts as empty. */
export const MAX_HEADER_LENGTH = 16 * 1024;

/** One parameter and where the text goes on behind it. */
export interface HeaderParam {
  /** Lower case. */
  readonly name: string;
  readonly value: string;
  /** Index behind the parameter. */
  readonly end: number;
}

const PARAM =
  /[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+.^_`|~0-9A-Za-z:/-]+))[ \t]*/y;

/** The parameter that begins at `at`, undefined when none does. */
export function paramAt(text: string, at: number): HeaderParam | undefined {
  PARAM.lastIndex = at;
  const match = PARAM.exec(text);
  if (match === null) return undefined;
  const [whole, name = "", quoted, token = ""] = match;
  return {
    name: name.toLowerCase(),
    value: quoted === undefined ? token : quoted.replace(/\\(.)/g, "$1"),
    end: at + whole.length,
  };
}

/**
 * `value` as quoted string. Characters that a header cannot carry (control
 * characters, everything outside ASCII) become `?`.
 */
export function quotedString(value: string): string {
  const plain = value.replace(/[^\x20-\x7e]/g, "?");
  return `"${plain.replace(/["\\]/g, "\\$&")}"`;
}
