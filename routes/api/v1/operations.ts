/**
 * All operations of the public API.
 *
 * @module
 */

import type { CatalogContext } from "../../../lib/context/social/catalog.ts";
import { getHold, listHolds } from "./holds.ts";
import type { Operation } from "./operation.ts";
import { getActor, getBoard, listActivity, listStars } from "./people.ts";
import { getRepository, listRepositories, search } from "./repositories.ts";
import { listTagMoves, listTags } from "./tags.ts";

/** In the order of the documentation. */
const OPERATIONS = [
  search,
  listRepositories,
  getRepository,
  listTags,
  listTagMoves,
  getActor,
  listActivity,
  listStars,
  getBoard,
  listHolds,
  getHold,
] as const;

/** The operations over an index. */
export function apiOperations(catalog: CatalogContext): Operation[] {
  return OPERATIONS.map((make) => make(catalog));
}
