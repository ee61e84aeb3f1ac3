/**
 * Finds the stored variant closest to one that may not be rendered.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Kv } from "../../kv/kv.ts";
import { imageKey, variantKeys } from "../kv_keys.ts";
import type { PictureQuery } from "../parameters.ts";
import { type ImageRow, isInStore, type VariantRow } from "../picture_rows.ts";

/** Maximum variants compared. */
const MAX_COMPARED = 1_000;

/** Penalties of a variant: a different aspect ratio weighs most, then too few pixels. */
const ASPECT_WEIGHT = 4;
const BLUR_WEIGHT = 2;
const FORMAT_WEIGHT = 0.5;
/** Penalty of a variant with unknown size. */
const UNKNOWN = 100;

/** Name of the variant of a picture that is closest to `query`; undefined when there is none. */
export async function nearestVariant(
  kv: Kv,
  did: Did,
  cid: string,
  query: PictureQuery,
  storeId: string,
): Promise<string | undefined> {
  const image = await kv.get<ImageRow>(imageKey(did, cid));
  const wanted = wantedSize(query, image?.value.original);
  const stored = kv.list<VariantRow>(variantKeys(did, cid), {
    limit: MAX_COMPARED,
  });
  let best: { name: string; distance: number } | undefined;
  for await (const { key, value } of stored) {
    if (!isInStore(value, storeId)) continue;
    const name = String(key[4]);
    let distance = distanceOf(wanted, value);
    if (!name.endsWith(`.${query.request.format}`)) distance += FORMAT_WEIGHT;
    if (!best || distance < best.distance) best = { name, distance };
  }
  return best?.name;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Approximate size of the requested variant in pixels. */
function wantedSize(
  { request }: PictureQuery,
  original: Size | undefined,
): Size {
  const { width, height, density } = request;
  const whole = original ?? { width: 1, height: 1 };
  const ratio = whole.width / whole.height;
  if (width === undefined && height === undefined) return whole;
  const w = width ?? (height ?? 1) * ratio;
  const h = height ?? w / ratio;
  return { width: w * density, height: h * density };
}

function distanceOf(wanted: Size, { width, height }: VariantRow): number {
  if (width === undefined || height === undefined) return UNKNOWN;
  const scale = Math.log((width * height) / (wanted.width * wanted.height));
  const aspect = Math.log(
    (width / height) / (wanted.width / wanted.height),
  );
  return ASPECT_WEIGHT * Math.abs(aspect) +
    (scale < 0 ? BLUR_WEIGHT * -scale : scale);
}
