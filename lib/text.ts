/**
 * Untrusted text in error messages, logs and terminals.
 *
 * @module
 */

/**
 * Characters that a terminal or a log viewer interprets as a command, or that
 * change the order in which others are shown: control characters of ASCII and
 * Latin-1, line and paragraph separators, and marks of direction. Line feed and
 * tab are not among them.
 */
const COMMANDS = /(?![\n\t])[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Fast check: most text, such as lines of the access log, contains none of them. */
const NOT_PLAIN = /[^\n\t\x20-\x7e]/;

/** Replaces each character of `text` that a terminal could interpret as a command by U+FFFD. */
export function printable(text: string): string {
  return NOT_PLAIN.test(text) ? text.replace(COMMANDS, "\ufffd") : text;
}

/** Maximum characters shown of another server's message. */
const MESSAGE = 500;

/**
 * Formats a message of another server for a sentence: printable, on one line,
 * at most 500 characters.
 */
export function foreignText(text: string): string {
  const line = printable(text.slice(0, MESSAGE)).replace(/\s+/g, " ").trim();
  return text.length > MESSAGE ? `${line}…` : line;
}

/** Escapes such characters, which can occur in strings only, in a line of JSON. */
export function printableJson(line: string): string {
  if (!NOT_PLAIN.test(line)) return line;
  return line.replace(
    COMMANDS,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Maximum characters of untrusted text shown in a sentence; the rest is cut. */
const SHOWN = 80;

/**
 * Returns `text` in double quotes, with control characters escaped and cut to
 * 80 characters, so that a sentence stays short and on one line.
 */
export function quote(text: string): string {
  const shown = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
  return printableJson(JSON.stringify(shown));
}
