/**
 * Tags in the public API.
 *
 * @module
 */

import { z } from "zod";
import type { CatalogContext } from "../../../lib/context/social/catalog.ts";
import { operation } from "./operation.ts";
import { page, repository, repositoryOf } from "./parameters.ts";
import { pageSchema, tagMoveSchema, tagSchema } from "./schemas.ts";
import { shownMove, shownTag } from "./shapes.ts";

/** Lists tags. */
export function listTags({ names, repositories }: CatalogContext) {
  return operation({
    id: "listTags",
    path: "/tags",
    summary: "Tags of a repository",
    description: "Newest first, or in the order of their names (of bytes).",
    params: z.object({}),
    query: z.strictObject({
      repository,
      order: z.enum(["newest", "name"], { error: "must be newest or name" })
        .default("newest").meta({ description: "The order of the list." }),
      ...page,
    }),
    response: pageSchema("TagPage", tagSchema),
    mayMiss: true,
    async handle({ query: { repository, ...query }, mayRead }) {
      const ref = await repositoryOf(names, repository);
      const { items, cursor } = await repositories.tags(ref, query, mayRead);
      return { items: items.map(shownTag), cursor };
    },
  });
}

/** Lists the moves of a tag. */
export function listTagMoves({ names, repositories }: CatalogContext) {
  return operation({
    id: "listTagMoves",
    path: "/tags/moves",
    summary: "History of a tag",
    description: "Moves that were seen here, the last one first.",
    params: z.object({}),
    query: z.strictObject({
      repository,
      tag: z.string().regex(
        /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/,
        "must be a tag, for example v1",
      ).meta({ description: "A tag; it may be gone by now." }),
      ...page,
    }),
    response: pageSchema("TagMovePage", tagMoveSchema),
    mayMiss: true,
    async handle({ query: { repository, tag, ...query }, mayRead }) {
      const ref = await repositoryOf(names, repository);
      const list = await repositories.moves(ref, tag, query, mayRead);
      return { items: list.items.map(shownMove), cursor: list.cursor };
    },
  });
}
