/**
 * Feeds of a hold by the record keys of their generators, and which of them a
 * post belongs to.
 *
 * | record key | posts |
 * |---|---|
 * | `hold`, `network` | all of the hold |
 * | `did:plc:…` | about images of this account |
 * | `did:plc:…~team~app` | about one repository, `~` for each slash |
 *
 * @module
 */

import { z } from "zod";
import { type Did, parseDid } from "../../did.ts";
import { isRepository } from "../../oci/name.ts";

/** The feed of everything. */
export const HOLD_FEED = "hold";

/** The feed of everything that is known of the network: what this hold posts. */
const NETWORK_FEED = "network";

/** What a feed is about; all when there is no owner. */
export interface FeedSubject {
  readonly owner?: Did | undefined;
  readonly repository?: string | undefined;
}

/** The record key of a feed. A key has no percent sign, which stands before ports only. */
export function feedName({ owner, repository }: FeedSubject): string {
  if (owner === undefined) return HOLD_FEED;
  const name = owner.replaceAll("%3A", ":");
  return repository === undefined
    ? name
    : `${name}~${repository.replaceAll("/", "~")}`;
}

/** The feed of a record key; undefined where there is none. */
export function parseFeedName(name: string): FeedSubject | undefined {
  if (name === HOLD_FEED || name === NETWORK_FEED) return {};
  const [account = "", ...parts] = name.split("~");
  const owner = parseDid(account);
  if (!owner) return undefined;
  if (parts.length === 0) return { owner };
  const repository = parts.join("/");
  return isRepository(repository) ? { owner, repository } : undefined;
}

const MENTION = "app.bsky.richtext.facet#mention";

const postSchema = z.object({
  facets: z.array(z.object({
    features: z.array(z.object({
      $type: z.string(),
      did: z.string().optional(),
    })),
  })).default([]),
  embed: z.object({ external: z.object({ title: z.string() }) }).optional()
    .catch(undefined),
});

/**
 * What a post of the hold is about: the account that it mentions first, and the
 * repository in the title of its card, `owner/repository:tag`.
 */
export function subjectOfPost(record: unknown): FeedSubject {
  const { data } = postSchema.safeParse(record);
  const mention = data?.facets.flatMap(({ features }) => features)
    .find(({ $type }) => $type === MENTION);
  const owner = parseDid(mention?.did ?? "");
  if (!owner) return {};
  const title = data?.embed?.external.title ?? "";
  const name = title.slice(title.indexOf("/") + 1, title.lastIndexOf(":"));
  return isRepository(name) ? { owner, repository: name } : { owner };
}
