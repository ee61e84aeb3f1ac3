/**
 * What the public API answers.
 *
 * @module
 */

import { z } from "zod";
import { ARTIFACT_KINDS } from "../../../lib/index/cards/artifact_kind.ts";

const time = z.iso.datetime();
const did = z.string().meta({ description: "A DID." });
const digest = z.string().regex(/^sha(256|512):[0-9a-f]{64,128}$/);
const count = z.int().min(0);

const account = z.object({
  did,
  handle: z.string().optional().meta({
    description: "Missing where none is known to lead to the account.",
  }),
  displayName: z.string().optional(),
}).meta({ id: "Account" });

const repositoryFields = {
  owner: account,
  name: z.string().meta({ description: "Without the owner." }),
  description: z.string().optional().meta({
    description: "One line, of the owner's page or of the image.",
  }),
  kind: z.enum(ARTIFACT_KINDS),
  mediaType: z.string().meta({ description: "Of the newest manifest." }),
  newest: z.object({ tag: z.string(), digest, at: time }).optional().meta({
    description: "The tag that moved last.",
  }),
  size: count.optional().meta({
    description: "Bytes of the newest image as stored; missing for an index.",
  }),
  platforms: z.array(z.string()),
  licenses: z.string().optional(),
  source: z.string().optional(),
  version: z.string().optional(),
  tags: count,
  stars: count,
  pulls30d: count.meta({ description: "Pulls of the last 30 days." }),
  hold: did.meta({ description: "DID of the hold that has the blobs." }),
};

/** A repository in lists. */
export const repositorySchema = z.object(repositoryFields)
  .meta({ id: "Repository" });

/** A repository by itself. */
export const repositoryDetailSchema = z.object({
  ...repositoryFields,
  pulls: z.object({
    total: count,
    days: z.array(z.object({ day: z.iso.date(), pulls: count })),
  }).meta({ description: "All pulls, and those of each of the last 30 days." }),
}).meta({ id: "RepositoryDetail" });

/** A tag in lists. */
export const tagSchema = z.object({
  tag: z.string(),
  digest,
  at: time.meta({ description: "When it was set." }),
  kind: z.enum(ARTIFACT_KINDS).optional(),
  mediaType: z.string().optional(),
  size: count.optional().meta({
    description: "Bytes as stored; missing for an index.",
  }),
  platforms: z.array(z.string()),
}).meta({ id: "Tag" });

/** A move of a tag. */
export const tagMoveSchema = z.object({
  at: time,
  from: digest.optional().meta({ description: "Missing for a new tag." }),
  to: digest.optional().meta({ description: "Missing when it was removed." }),
}).meta({ id: "TagMove" });

const place = z.object({ owner: account, name: z.string() })
  .meta({ id: "RepositoryName" });

/** An account by itself. */
export const actorSchema = z.object({
  did,
  handle: z.string().optional(),
  displayName: z.string().optional(),
  bio: z.string().optional(),
  avatar: z.string().optional().meta({ description: "URL of a picture." }),
  status: z.string().meta({
    description: "`active`, or why the network does not show the account.",
  }),
  pins: z.array(place),
}).meta({ id: "Actor" });

/** Something that happened. */
export const activitySchema = z.object({
  kind: z.enum(["push", "star"]),
  at: time,
  actor: account,
  repository: place,
  tag: z.string().optional().meta({ description: "Of a push." }),
  digest: digest.optional().meta({
    description: "Of a push, where it is known.",
  }),
}).meta({ id: "Activity" });

/** A board. */
export const boardSchema = z.object({
  madeAt: time.optional().meta({
    description: "Boards are made every quarter of an hour.",
  }),
  items: z.array(z.object({
    owner: account,
    name: z.string().optional().meta({
      description: "The repository; missing on the board of accounts.",
    }),
    value: z.number(),
  })),
}).meta({ id: "Board" });

/** A star. */
export const starSchema = z.object({
  at: time,
  actor: account,
  repository: place,
}).meta({ id: "Star" });

/** A hold. */
export const holdSchema = z.object({
  did,
  captain: did.optional(),
  public: z.boolean().optional().meta({
    description: "Whether everybody may pull.",
  }),
  allowAllCrew: z.boolean().optional().meta({
    description: "Whether everybody who signs in may push.",
  }),
  region: z.string().optional(),
  successor: did.optional(),
  reachable: z.boolean().optional().meta({
    description: "Missing before it was looked at.",
  }),
  since: time.optional().meta({
    description: "Since when it is reachable, or not.",
  }),
  checkedAt: time.optional(),
  latencyMs: z.number().optional(),
  version: z.string().optional(),
}).meta({ id: "Hold" });

/** What a search found. */
export const searchSchema = z.object({
  exact: z.object({
    repository: repositorySchema,
    reference: z.string().optional().meta({
      description: "The tag or digest that was written behind it.",
    }),
  }).optional().meta({ description: "The image that was named in full." }),
  items: z.array(repositorySchema),
  suggestions: z.array(z.string()).meta({
    description: "Names that may have been meant, where nothing was found.",
  }),
  cursor: z.string().optional(),
}).meta({ id: "SearchResult" });

/** One page of a list. */
export function pageSchema<T extends z.ZodType>(id: string, item: T) {
  return z.object({
    items: z.array(item),
    cursor: z.string().optional().meta({
      description: "Where the next page begins; missing on the last one.",
    }),
  }).meta({ id });
}

/** Every error. */
export const errorSchema = z.object({
  error: z.string().meta({ description: "A code in capitals." }),
  message: z.string().meta({ description: "A sentence for people." }),
}).meta({ id: "Error" });
