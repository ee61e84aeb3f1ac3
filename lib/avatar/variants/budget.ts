/**
 * Decides which variants are rendered and stored: by client, by the bytes of a
 * picture, and by those of all pictures. Those that most pages use are always
 * available, few enough that all of them together are small.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Visitor } from "../admission.ts";
import { variantObjectKey } from "../picture_keys.ts";
import type { AvatarOptions } from "../options.ts";
import { DEFAULT_QUALITY, type PictureQuery } from "../parameters.ts";
import { Eviction, type EvictionDeps } from "./eviction.ts";
import type { MadeVariant } from "./variant_rows.ts";
import type { RenderRequest } from "../image/render.ts";

/** The budgets of variants. The plain picture and common sizes are not limited by bytes. */
export class VariantBudget {
  readonly #deps: EvictionDeps;
  readonly #options: AvatarOptions;
  readonly #eviction: Eviction;

  constructor(deps: EvictionDeps, options: AvatarOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#eviction = new Eviction(deps, options);
  }

  /**
   * Whether a variant may be rendered for `visitor`; counts it towards the
   * visitor's limit if the byte budgets allow it.
   */
  async mayMake(
    did: Did,
    cid: string,
    query: PictureQuery,
    visitor: Visitor,
  ): Promise<boolean> {
    const size = this.#classOf(query);
    if (size === "plain") return true;
    const key = variantObjectKey(did, cid, query.name);
    if (!await visitor.mayMake(key, size)) return false;
    return size === "common" || await this.#hasRoom(did, cid);
  }

  /**
   * Records a variant; evicts idle ones of the same picture for it. Returns
   * false, without recording it, when there is no room.
   */
  async record(
    did: Did,
    cid: string,
    query: PictureQuery,
    made: MadeVariant,
  ): Promise<boolean> {
    const { rows } = this.#deps;
    const { maxPictureBytes } = this.#options;
    const isOther = this.#classOf(query) === "other";
    const max = isOther ? maxPictureBytes : Infinity;
    if (await rows.record(did, cid, query.name, made, max)) return true;
    const room = max - made.row.size;
    if (room < 0 || !await this.#eviction.shrink(did, cid, room)) return false;
    return await rows.record(did, cid, query.name, made, max);
  }

  /**
   * Removes objects without a row, and idle variants while the budget of all
   * pictures is exceeded.
   */
  async sweep(): Promise<void> {
    await this.#eviction.sweepStrays();
    await this.#eviction.run();
  }

  async #hasRoom(did: Did, cid: string): Promise<boolean> {
    if (await this.#eviction.isFull()) return false;
    const { maxPictureBytes } = this.#options;
    return await this.#eviction.shrink(did, cid, maxPictureBytes - 1);
  }

  #classOf({ request }: PictureQuery): SizeClass {
    return sizeClassOf(request, this.#options.allowedSizes);
  }
}

/** Widths in pixels, unless `avatar.allowed_sizes` is set. */
const COMMON_SIDES: readonly number[] = [
  ...[16, 20, 24, 28, 32, 36, 40, 44, 48, 50, 56, 60, 64, 72, 80, 96],
  ...[100, 120, 128, 144, 150, 160, 180, 192, 200, 240, 250, 256],
  ...[300, 320, 360, 400, 480, 500, 512, 600, 640, 800, 1000, 1024],
];

/** Maximum side in pixels, times density; PNG is larger. */
const MAX_PIXELS = { webp: 1024, jpg: 1024, png: 512 } as const;

const COMMON_DENSITIES: readonly number[] = [1, 2, 3];

/** How a variant is counted. */
type SizeClass = "plain" | "common" | "other";

/**
 * `plain`: the whole picture in one of the formats; `common`: a square or a
 * width of a common size; both with the default quality.
 */
function sizeClassOf(
  request: RenderRequest,
  allowedSizes: readonly number[],
): SizeClass {
  const { width, height, fit, density, enlarge, quality, format } = request;
  if (quality !== DEFAULT_QUALITY || fit !== "cover" || enlarge) return "other";
  if (width === undefined) return height === undefined ? "plain" : "other";
  if (height !== undefined && height !== width) return "other";
  const sides = allowedSizes.length > 0 ? allowedSizes : COMMON_SIDES;
  const isCommon = sides.includes(width) &&
    COMMON_DENSITIES.includes(density) &&
    width * density <= MAX_PIXELS[format];
  return isCommon ? "common" : "other";
}
