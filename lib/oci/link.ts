/**
 * The `Link` header (RFC 8288), which points to the next page of a list.
 *
 * @module
 */

/**
 * Builds `</v2/…?n=…&last=…>; rel="next"`. `path` is percent-encoded already;
 * parameters are encoded here, in order, and omitted when undefined.
 */
export function formatNextLink(
  path: string,
  parameters: Iterable<readonly [string, string | number | undefined]>,
): string {
  const query = new URLSearchParams();
  for (const [name, value] of parameters) {
    if (value !== undefined) query.append(name, String(value));
  }
  // No character of the path may end the target early.
  const target = path.replace(/[^\x21-\x7e]|[<>"]/gu, encodeCharacter);
  return `<${target}?${query}>; rel="next"`;
}

function encodeCharacter(character: string): string {
  // A lone surrogate has no encoding.
  return character.isWellFormed() ? encodeURIComponent(character) : "";
}
