/**
 * Repositories and search in the public API.
 *
 * @module
 */

import { z } from "zod";
import type { CatalogContext } from "../../../lib/context/social/catalog.ts";
import { operation } from "./operation.ts";
import {
  account,
  accountOf,
  filters,
  page,
  repositoryName,
  repositoryOf,
} from "./parameters.ts";
import {
  pageSchema,
  repositoryDetailSchema,
  repositorySchema,
  searchSchema,
} from "./schemas.ts";
import { shownDetail, shownRepository } from "./shapes.ts";

/** Finds repositories. */
export function search({ names, repositories }: CatalogContext) {
  return operation({
    id: "search",
    path: "/search",
    summary: "Search repositories",
    description:
      "Words and beginnings of words of names, owners and descriptions; " +
      "`owner/repository:tag` finds that image. Without words, the most " +
      "popular repositories.",
    params: z.object({}),
    query: z.strictObject({
      q: z.string().max(400, "must have at most 400 characters").default("")
        .meta({ description: "At most six words." }),
      owner: account.optional().meta({
        description: "Only repositories of this account.",
      }),
      ...filters,
      ...page,
    }),
    response: searchSchema,
    mayMiss: true,
    async handle({ query: { owner, ...query }, mayRead }) {
      const did = await accountOf(names, owner);
      const found = await repositories.find({ ...query, owner: did }, mayRead);
      const { exact, items, suggestions, cursor } = found;
      const { reference } = exact ?? {};
      return {
        exact: exact && {
          repository: shownRepository(exact),
          reference: reference?.kind === "tag"
            ? reference.tag
            : reference?.digest,
        },
        items: items.map(shownRepository),
        suggestions: [...suggestions],
        cursor,
      };
    },
  });
}

/** Lists repositories. */
export function listRepositories({ names, repositories }: CatalogContext) {
  return operation({
    id: "listRepositories",
    path: "/repositories",
    summary: "List repositories",
    description: "Those pushed to last come first.",
    params: z.object({}),
    query: z.strictObject({
      owner: account.optional().meta({
        description: "Only repositories of this account.",
      }),
      ...filters,
      ...page,
    }),
    response: pageSchema("RepositoryPage", repositorySchema),
    mayMiss: true,
    async handle({ query: { owner, ...query }, mayRead }) {
      const did = await accountOf(names, owner);
      const list = await repositories.newest({ ...query, owner: did }, mayRead);
      return { items: list.items.map(shownRepository), cursor: list.cursor };
    },
  });
}

/** Describes one repository. */
export function getRepository({ names, repositories }: CatalogContext) {
  return operation({
    id: "getRepository",
    path: "/repositories/{owner}/{name}",
    summary: "One repository",
    description:
      "With its pulls of the last 30 days. Slashes in the name may " +
      "be written as they are, or as `%2F`.",
    params: z.object({ owner: account, name: repositoryName }),
    query: z.strictObject({}),
    response: repositoryDetailSchema,
    mayMiss: true,
    async handle({ params: { owner, name }, mayRead }) {
      const ref = await repositoryOf(names, `${owner}/${name}`);
      return shownDetail(await repositories.get(ref, mayRead));
    },
  });
}
