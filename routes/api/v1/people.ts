/**
 * Accounts, activity, stars and boards in the public API.
 *
 * @module
 */

import { z } from "zod";
import type { CatalogContext } from "../../../lib/context/social/catalog.ts";
import { AppError } from "../../../lib/errors.ts";
import { operation } from "./operation.ts";
import {
  account,
  accountOf,
  page,
  repository,
  repositoryOf,
} from "./parameters.ts";
import {
  activitySchema,
  actorSchema,
  boardSchema,
  pageSchema,
  starSchema,
} from "./schemas.ts";
import {
  shownAccount,
  shownActivity,
  shownPerson,
  shownStar,
  timeOf,
} from "./shapes.ts";

/** Describes an account. */
export function getActor({ names, people }: CatalogContext) {
  return operation({
    id: "getActor",
    path: "/actors/{actor}",
    summary: "One account",
    description: "Name, picture, words about itself, and what it has pinned.",
    params: z.object({ actor: account }),
    query: z.strictObject({}),
    response: actorSchema,
    mayMiss: true,
    async handle({ params: { actor }, mayRead }) {
      return shownPerson(
        await people.person(await names.find(actor), mayRead),
      );
    },
  });
}

/** Lists what happened. */
export function listActivity({ names, people }: CatalogContext) {
  return operation({
    id: "listActivity",
    path: "/activity",
    summary: "Pushes of tags, and stars",
    description: "Newest first. Of everybody for 30 days, of one account for " +
      "400 days. A page may have few entries, or none, and still a cursor.",
    params: z.object({}),
    query: z.strictObject({
      actor: account.optional().meta({
        description: "Only what this account did.",
      }),
      ...page,
    }),
    response: pageSchema("ActivityPage", activitySchema),
    mayMiss: true,
    async handle({ query: { actor, ...query }, mayRead }) {
      const did = await accountOf(names, actor);
      const list = await people.activity({ ...query, actor: did }, mayRead);
      return { items: list.items.map(shownActivity), cursor: list.cursor };
    },
  });
}

/** Lists stars. */
export function listStars({ names, people }: CatalogContext) {
  return operation({
    id: "listStars",
    path: "/stars",
    summary: "Stars of a repository, or by an account",
    description: "Exactly one of `repository` and `actor` is given. Stars by " +
      "an account come newest first; such a page may have few entries, or " +
      "none, and still a cursor.",
    params: z.object({}),
    query: z.strictObject({
      repository: repository.optional().meta({
        description: "Stars of this repository, in the order of DIDs.",
      }),
      actor: account.optional().meta({
        description: "Stars by this account.",
      }),
      ...page,
    }),
    response: pageSchema("StarPage", starSchema),
    mayMiss: true,
    async handle({ query: { repository, actor, ...query }, mayRead }) {
      if ((repository === undefined) === (actor === undefined)) {
        throw new AppError(
          "INVALID_REQUEST",
          "Give either the parameter repository or the parameter actor.",
        );
      }
      const did = await accountOf(names, actor);
      const list = did === undefined
        ? await people.starsOf(
          await repositoryOf(names, repository ?? ""),
          query,
          mayRead,
        )
        : await people.starredBy(did, query, mayRead);
      return { items: list.items.map(shownStar), cursor: list.cursor };
    },
  });
}

const BOARDS = ["pulls", "stars", "pushes", "trending", "accounts"] as const;
const WINDOWS = ["7d", "30d", "all"] as const;

/** Shows a board. */
export function getBoard({ people }: CatalogContext) {
  return operation({
    id: "getBoard",
    path: "/boards/{board}",
    summary: "What is pulled, starred and pushed most",
    description: "At most 200 entries. `trending` exists for 7 days only, " +
      "`accounts` (by pushes) for 30 days only; those are their defaults.",
    params: z.object({
      board: z.enum(BOARDS, {
        error: `must be one of ${BOARDS.join(", ")}`,
      }).meta({ description: "What is counted." }),
    }),
    query: z.strictObject({
      window: z.enum(WINDOWS, { error: "must be 7d, 30d or all" }).optional()
        .meta({ description: "The time that counts." }),
    }),
    response: boardSchema,
    mayMiss: true,
    async handle({ params: { board }, query, mayRead }) {
      const { window = board === "accounts" ? "30d" : "7d" } = query;
      const { madeAt, entries } = await people.board(board, window, mayRead);
      return {
        madeAt: madeAt === undefined ? undefined : timeOf(madeAt),
        items: entries.map(({ owner, repo, value }) => ({
          owner: shownAccount(owner),
          name: repo,
          value,
        })),
      };
    },
  });
}
