/**
 * Validates the types and sizes of blobs in a record against its lexicon, which
 * the library does not check.
 *
 * @module
 */

import {
  BlobRef,
  type LexArray,
  type LexBlob,
  type Lexicons,
  type LexRefVariant,
  type LexUserType,
} from "@atproto/lexicon";

/** A definition in a lexicon. */
type Definition = LexUserType | LexRefVariant | LexArray["items"];

/**
 * Throws an Error for the first blob of `value` that `definition` does not
 * accept; `path` names the value in the message. `value` must be valid
 * otherwise.
 */
export function checkBlobs(
  lexicons: Lexicons,
  definition: Definition | undefined,
  value: unknown,
  path = "Record",
): void {
  switch (definition?.type) {
    case "record":
      return checkBlobs(lexicons, definition.record, value, path);
    case "object":
      for (const [name, item] of Object.entries(definition.properties)) {
        const member = memberOf(value, name);
        if (member === undefined) continue;
        checkBlobs(lexicons, item, member, `${path}/${name}`);
      }
      return;
    case "array":
      if (!Array.isArray(value)) return;
      for (const [i, item] of value.entries()) {
        checkBlobs(lexicons, definition.items, item, `${path}/${i}`);
      }
      return;
    case "ref":
      return checkBlobs(lexicons, lexicons.getDef(definition.ref), value, path);
    case "union": {
      // The library refuses unions without a type; the type of an open one may be unknown.
      const type = memberOf(value, "$type");
      if (typeof type !== "string") return;
      return checkBlobs(lexicons, lexicons.getDef(type), value, path);
    }
    case "blob":
      if (value instanceof BlobRef) checkBlob(definition, value, path);
  }
}

function checkBlob(
  { accept, maxSize }: LexBlob,
  { mimeType, size }: BlobRef,
  path: string,
): void {
  if (accept && !accept.some((pattern) => matches(pattern, mimeType))) {
    throw new Error(`${path} must have one of the types ${accept}`);
  }
  if (size < 0 || size > (maxSize ?? Infinity)) {
    throw new Error(`${path} must have at most ${maxSize} bytes`);
  }
}

/** Whether `mimeType` matches `pattern`, which may end in `*`. */
function matches(pattern: string, mimeType: string): boolean {
  return pattern.endsWith("*")
    ? mimeType.startsWith(pattern.slice(0, -1).replace(/^\*\/$/, ""))
    : mimeType === pattern;
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null
    ? Reflect.get(value, name)
    : undefined;
}
