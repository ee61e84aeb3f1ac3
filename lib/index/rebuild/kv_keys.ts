/**
 * Keys of a rebuild.
 *
 * @module
 */

import type { Key } from "../../kv/kv.ts";
import { INDEX_VERSION } from "../version.ts";

/** Key builders. */
export const rebuildKeys = {
  /** The last owner that was done; absent where no rebuild was stopped. */
  place: (): Key => ["index", INDEX_VERSION, "rebuild"],
} as const;
