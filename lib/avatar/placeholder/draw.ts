/**
 * Placeholders as files.
 *
 * @module
 */

import { OUTPUT_TYPES } from "../image/encode.ts";
import type { PictureQuery } from "../parameters.ts";
import type { RenderPool } from "../pool/pool.ts";
import { type PlaceholderKind, placeholderScene } from "./scene.ts";
import { sceneSvg } from "./svg.ts";

/** A placeholder file, generated on request. */
export interface Placeholder {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
}

/** Default side of a placeholder in pixels. */
const PLACEHOLDER_SIDE = 400;

/**
 * Draws a placeholder as SVG, or in the requested format. It has the requested
 * size, at most `maxSide`, and is square when one side is missing. Throws like
 * {@linkcode RenderPool.run}.
 */
export async function drawPlaceholder(
  pool: RenderPool,
  kind: PlaceholderKind,
  identifier: string,
  query: PictureQuery,
  maxSide: number,
): Promise<Placeholder> {
  const { width, height, density, format, quality } = query.request;
  const pixels = (side: number | undefined) =>
    Math.min(
      maxSide,
      Math.round((side ?? width ?? height ?? PLACEHOLDER_SIDE) * density),
    );
  const isDid = identifier.startsWith("did:");
  const scene = placeholderScene(
    kind,
    identifier,
    isDid ? undefined : identifier,
  );
  const size = { width: pixels(width), height: pixels(height) };
  if (!query.explicitFormat) {
    const svg = sceneSvg(scene, size.width, size.height);
    return {
      bytes: new TextEncoder().encode(svg),
      contentType: "image/svg+xml",
    };
  }
  const job = { kind: "scene", scene, ...size, format, quality } as const;
  const { bytes } = await pool.run(job);
  return { bytes, contentType: OUTPUT_TYPES[format] };
}
