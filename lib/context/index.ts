/**
 * Builds the index: what pages, feeds and scripts ask for.
 *
 * @module
 */

import { OwnChanges } from "../index/cards/own_changes.ts";
import type { Platform } from "./platform.ts";

/** The parts of the index. */
export interface IndexContext {
  /** Follows the registry's own commits. */
  readonly changes: OwnChanges;
}

/** Joins the parts of the index. */
export function createIndex({ kv, clock }: Platform): IndexContext {
  return { changes: new OwnChanges(kv, clock) };
}
