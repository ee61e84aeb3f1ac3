/** The parameters of an avatar URL, as the page about them lists them. */

import type { AvatarOptions } from "../../lib/avatar/options.ts";
import { DEFAULT_QUALITY } from "../../lib/avatar/parameters.ts";

/** Name, values and meaning of a parameter. */
export type ParameterRow = readonly [string, string, string];

/** The rows of the table, with the sizes that `options` allow. */
export const parametersOf = (
  options: AvatarOptions,
): readonly ParameterRow[] => [
  [
    "w, h",
    sizesOf(options),
    "Size. Both: cropped to exactly that box. One: scaled in proportion. None: the picture's own size.",
  ],
  [
    "q",
    `1 to 100, ${DEFAULT_QUALITY} if not given`,
    "Quality of WebP and JPEG.",
  ],
  [
    "f",
    "webp (if not given), jpg, png, auto",
    "Format; auto uses the Accept header.",
  ],
  [
    "fit",
    "cover (if not given), contain, inside",
    "With w and h: crop, letterbox, or scale into the box.",
  ],
  ["dpr", "1 to 4", "Device pixels for each pixel of w and h."],
  [
    "enlarge",
    "true",
    "Blows up small pictures, which otherwise keep their size where no exact box is asked for.",
  ],
  [
    "fallback",
    "404, initials, identicon, or an allowed https URL",
    "Response when there is no picture.",
  ],
];

/** Describes the allowed sizes. */
function sizesOf({ allowedSizes, signingKeys, limits }: AvatarOptions): string {
  const all = `1 to ${limits.maxSide} pixels`;
  if (signingKeys.length === 0) {
    return allowedSizes.length === 0
      ? all
      : `${allowedSizes.join(", ")} pixels`;
  }
  const free = allowedSizes.length === 0
    ? "without a size"
    : `${allowedSizes.join(", ")} pixels`;
  return `${free}; with a signature (s) ${all}`;
}
