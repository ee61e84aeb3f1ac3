/**
 * Parts of `/v2/…` paths.
 *
 * @module
 */

import { AppError } from "../../lib/errors.ts";
import { type ImageName, parseImageName } from "../../lib/oci/name.ts";
import { quote } from "../../lib/text.ts";

/** Decodes one segment of a path. Throws AppError `NAME_INVALID`. */
export function decodeSegment(segment: string): string {
  let text: string;
  try {
    text = decodeURIComponent(segment);
  } catch (cause) {
    throw new AppError(
      "NAME_INVALID",
      `The percent-encoding of ${quote(segment)} is broken.`,
      { cause },
    );
  }
  if (/[/\\\p{Cc}]/u.test(text)) {
    throw new AppError(
      "NAME_INVALID",
      `${quote(text)} has characters that no name, tag or digest has.`,
    );
  }
  return text;
}

/** The name that the last `count` segments leave. */
export function nameBefore(
  segments: readonly string[],
  count: number,
): ImageName {
  return parseImageName(segments.slice(0, -count).join("/"));
}

/** Whether the last segments are `ending`. */
export function endsWith(
  segments: readonly string[],
  ...ending: readonly string[]
): boolean {
  const from = segments.length - ending.length;
  return from >= 0 && ending.every((text, at) => segments[from + at] === text);
}

/** `method` where it is allowed. Throws AppError `UNSUPPORTED`. */
export function allow<M extends string>(method: string, ...allowed: M[]): M {
  const found = allowed.find((one) => one === method);
  if (found !== undefined) return found;
  throw new AppError(
    "UNSUPPORTED",
    `${quote(method)} is not possible here; use ${allowed.join(", ")}.`,
    { detail: { method, allowed } },
  );
}

/** The error for a path of no endpoint. */
export function notFound(pathname: string): AppError {
  return new AppError(
    "NOT_FOUND",
    `There is no endpoint ${quote(pathname)} in this registry.`,
  );
}
