/**
 * Small pictures; what they mean is always said in words beside them.
 *
 * @module
 */

import type { Site } from "./frame.ts";

/** The operator's logo, or the mark of the program: an image is the bar of its layers. */
export function BrandIcon({ logo }: Pick<Site, "logo">) {
  if (logo) {
    const { path, width, height } = logo;
    return (
      <img class="brand-logo" src={path} alt="" width={width} height={height} />
    );
  }
  return (
    <svg class="brand-icon" viewBox="0 0 24 24" aria-hidden="true">
      <path class="accent" d="M3 4h18v4H3z" />
      <path class="link" d="M3 10h11v4H3z" />
      <path d="M16 10h5v4h-5zM3 16h7v4H3zm9 0h9v4h-9z" />
    </svg>
  );
}
