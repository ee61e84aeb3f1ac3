/**
 * Holds in the public API.
 *
 * @module
 */

import { z } from "zod";
import type { CatalogContext } from "../../../lib/context/social/catalog.ts";
import { parseDid } from "../../../lib/did.ts";
import { AppError } from "../../../lib/errors.ts";
import { operation } from "./operation.ts";
import { account, accountOf, did, page } from "./parameters.ts";
import { holdSchema, pageSchema } from "./schemas.ts";
import { shownHold } from "./shapes.ts";

/** Lists holds. */
export function listHolds({ names, holds }: CatalogContext) {
  return operation({
    id: "listHolds",
    path: "/holds",
    summary: "Holds that are known here",
    description: "In the order of their DIDs, as they were at the last look.",
    params: z.object({}),
    query: z.strictObject({
      captain: account.optional().meta({
        description: "Only holds of this account.",
      }),
      ...page,
    }),
    response: pageSchema("HoldPage", holdSchema),
    mayMiss: true,
    async handle({ query: { captain, ...query } }) {
      const owner = await accountOf(names, captain);
      const list = owner === undefined
        ? await holds.list(query)
        : await holds.heldBy(owner, query);
      return { items: list.items.map(shownHold), cursor: list.cursor };
    },
  });
}

/** Describes a hold. */
export function getHold({ holds }: CatalogContext) {
  return operation({
    id: "getHold",
    path: "/holds/{hold}",
    summary: "One hold",
    description: "Looked at again where what is known is old.",
    params: z.object({ hold: did }),
    query: z.strictObject({}),
    response: holdSchema,
    mayMiss: true,
    async handle({ params }) {
      const hold = parseDid(params.hold);
      const known = hold && await holds.get(hold);
      if (known) return shownHold(known);
      throw new AppError("NOT_FOUND", "No such hold is known here.");
    },
  });
}
