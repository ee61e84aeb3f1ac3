/**
 * Outside text in error sentences, logs and terminals.
 *
 * @module
 */

/**
 * Characters that a terminal or a viewer of logs takes for a command, or that
 * change the order in which others are shown: control characters of ASCII and
 * Latin-1, line and paragraph separators, and marks of direction. Line feed and
 * tab are not among them.
 */
const COMMANDS = /(?![\n\t])[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Finds in a fraction of the time that most text, such as lines of the access log, has none of them. */
const NOT_PLAIN = /[^\n\t\x20-\x7e]/;

/** `text` with each character that a terminal could take for a command replaced by U+FFFD. */
export function printable(text: string): string {
  return NOT_PLAIN.test(text) ? text.replace(COMMANDS, "\ufffd") : text;
}

/** Characters of another server's message that are shown. */
const MESSAGE = 500;

/** A message of another server as a part of a sentence: printable, on one line, at most 500 characters. */
export function foreignText(text: string): string {
  const line = printable(text.slice(0, MESSAGE)).replace(/\s+/g, " ").trim();
  return text.length > MESSAGE ? `${line}…` : line;
}

/** A line of JSON with such characters, which may stand in its strings only, escaped. */
export function printableJson(line: string): string {
  if (!NOT_PLAIN.test(line)) return line;
  return line.replace(
    COMMANDS,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Characters of outside text shown in a sentence; the rest is cut. */
const SHOWN = 80;

/**
 * `text` in double quotes, control characters escaped and at most 80
 * characters shown, so that a sentence stays short and one line long.
 */
export function quote(text: string): string {
  const shown = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
  return printableJson(JSON.stringify(shown));
}
