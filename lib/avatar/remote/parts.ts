/**
 * What the avatar service lends to other pictures.
 *
 * @module
 */

import type { Admission } from "../admission.ts";
import type { RenderPool } from "../pool/pool.ts";
import type { Variants } from "../variants/variants.ts";

/** Parts of the service that other pictures are made with. */
export interface AvatarParts {
  readonly pool: RenderPool;
  readonly admission: Admission;
  readonly variants: Variants;
  /** URL of an object for clients. */
  readonly publicUrl: (key: string) => string;
}
