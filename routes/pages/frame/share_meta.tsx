/**
 * What other sites and apps show of a link to a page.
 *
 * @module
 */

import { SHARE_SIZE } from "../../../lib/share/drawing.ts";
import type { Frame } from "./frame.ts";

/** How a link to a page is shown elsewhere. */
export interface Share {
  /** Path of the picture. */
  readonly picture: string;
  /** A sentence or two. */
  readonly description?: string | undefined;
}

/** Longest description, in characters. */
const MAX_DESCRIPTION = 300;

/** Elements of the head, as the Open Graph protocol and its readers name them. */
export function ShareMeta(
  { share, title, frame }: { share: Share; title: string; frame: Frame },
) {
  const { origin, brand, path } = frame;
  const description = share.description?.replaceAll(/\s+/g, " ").trim()
    .slice(0, MAX_DESCRIPTION);
  const properties = [
    ["og:site_name", brand],
    ["og:type", "website"],
    ["og:title", title],
    ["og:url", `${origin}${path}`],
    ...(description ? [["og:description", description]] : []),
    ["og:image", `${origin}${share.picture}`],
    ["og:image:type", "image/png"],
    ["og:image:width", String(SHARE_SIZE.width)],
    ["og:image:height", String(SHARE_SIZE.height)],
    ["og:image:alt", title],
  ];
  return (
    <>
      {description && <meta name="description" content={description} />}
      {properties.map(([property, content]) => (
        <meta key={property} property={property} content={content} />
      ))}
      <meta name="twitter:card" content="summary_large_image" />
    </>
  );
}
