/**
 * Strict parser for untrusted JSON: bounded nesting, and no duplicate names in
 * the outermost object, because two readers would use different values.
 *
 * @module
 */

/** Maximum nesting depth; real manifests stay below ten. */
const MAX_JSON_DEPTH = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COLON = 0x3a;

/**
 * Parses JSON bytes (UTF-8 without byte order mark). Names of the outermost
 * object that differ only in case count as duplicates, as for Go readers.
 * Throws a SyntaxError that says what is wrong: not UTF-8, not JSON, nested
 * deeper than {@linkcode MAX_JSON_DEPTH}, or a duplicate name.
 */
export function parseStrictJson(bytes: Uint8Array): unknown {
  const text = decode(bytes);
  // Parsed first, so that the scan can rely on well-formed text.
  const value = parse(text);
  checkShape(text);
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SyntaxError("it is not JSON", { cause });
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(bytes);
  } catch (cause) {
    throw new SyntaxError("it is not UTF-8 text", { cause });
  }
}

/** One pass over well-formed JSON, skipping strings. */
function checkShape(text: string): void {
  const names = new Set<string>();
  let depth = 0;
  let name = "";
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE: {
        const end = endOfString(text, at);
        if (depth === 1) name = text.slice(at, end + 1);
        at = end;
        break;
      }
      case COLON:
        if (depth === 1) addName(names, name);
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        depth++;
        if (depth > MAX_JSON_DEPTH) {
          throw new SyntaxError(
            `it nests deeper than ${MAX_JSON_DEPTH} levels`,
          );
        }
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        depth--;
        break;
    }
  }
}

/** Index of the quote that closes the string opened at `start`. */
function endOfString(text: string, start: number): number {
  let from = start + 1;
  while (true) {
    const end = text.indexOf('"', from);
    let slash = end - 1;
    while (slash >= from && text.charCodeAt(slash) === BACKSLASH) slash--;
    // An even run of backslashes escapes itself, not the quote.
    if ((end - 1 - slash) % 2 === 0) return end;
    from = end + 1;
  }
}

function addName(names: Set<string>, literal: string): void {
  const name = String(JSON.parse(literal));
  const folded = name.toLowerCase();
  if (names.has(folded)) {
    throw new SyntaxError(`it has the field ${literal} twice`);
  }
  names.add(folded);
}
