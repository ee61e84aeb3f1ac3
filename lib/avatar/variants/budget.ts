/**
 * Decides which variants are rendered and stored: by client, by the bytes of a
 * picture, and by those of all pictures.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Visitor } from "../admission.ts";
import { variantObjectKey } from "../picture_keys.ts";
import type { AvatarOptions } from "../options.ts";
import type { PictureQuery } from "../parameters.ts";
import { type SizeClass, sizeClassOf } from "./common_sizes.ts";
import { Eviction, type EvictionDeps } from "./eviction.ts";
import type { MadeVariant } from "./variant_rows.ts";

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
