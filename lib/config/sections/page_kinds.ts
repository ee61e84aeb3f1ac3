/**
 * Kinds of settings about the look of pages.
 *
 * @module
 */

import { type Colour, parseColour } from "../../branding/colour.ts";
import { type Kind, text } from "../kinds.ts";

/** Text of at most `max` characters. */
export function shortText(max: number): Kind<string> {
  return text(
    (value) => value !== "" && [...value].length <= max ? value : undefined,
    `text of at most ${max} characters`,
  );
}

/** A colour. */
export function colour(): Kind<Colour> {
  return text(parseColour, "a colour as #c2410c");
}

/** The path of a file, or the https URL of a picture. */
export function pictureFile(): Kind<string> {
  return text((value) => {
    if (!value.includes("://")) return value || undefined;
    const url = URL.parse(value);
    const plain = url?.protocol === "https:" && url.username === "" &&
      url.password === "";
    return plain ? url.href : undefined;
  }, "the path of a file, or an address as https://example.com/logo.png");
}
