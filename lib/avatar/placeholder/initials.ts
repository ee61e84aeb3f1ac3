/**
 * Initials of an account without a picture.
 *
 * @module
 */

/** One or two characters: of the words in the first part of the handle, else of the DID. */
export function initials(did: string, handle: string | undefined): string {
  const name = handle?.split(".")[0] ?? did.split(":")[2] ?? "";
  const [first = "", second = ""] = name.split(/[-_]+/).filter(Boolean);
  return (first.slice(0, 1) + second.slice(0, 1)) || "?";
}
