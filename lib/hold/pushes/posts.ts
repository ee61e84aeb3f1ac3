/**
 * Decides which pushes the hold posts about on Bluesky, and which earlier post
 * is replaced.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import { type Clock, isAhead } from "../../clock.ts";
import type { Kv } from "../../kv/kv.ts";
import { RateLimiter } from "../../kv/rate_limit.ts";
import type { HoldAccess } from "../access.ts";
import { holdKeys } from "../kv_keys.ts";
import type { BlobRef } from "../../atproto/pds/pds.ts";
import { postRecord, summaryOf, tagList } from "./post_record.ts";
import { COLLECTIONS, type HoldWrite } from "../records.ts";

/**
 * Stores a picture of a post about a push as a blob of the repo; undefined where
 * there is none. Never throws.
 */
export type PictureOfPost = (shown: {
  /** Handle, or DID where there is none. */
  readonly owner: string;
  readonly repository: string;
  readonly tags: string;
  /** Short facts about the image. */
  readonly summary: readonly string[];
}) => Promise<BlobRef | undefined>;

export interface HoldPostsDeps {
  kv: Kv;
  clock: Clock;
  access: HoldAccess;
  /** Handle of an account, or undefined when it cannot be resolved now. */
  handleOf: (did: Did) => Promise<string | undefined>;
  /** Origin of the registry's pages. */
  registryUrl: string;
  /** Draws pictures of posts of a public hold; none by default. */
  pictureOf?: PictureOfPost;
  /** Hashtags of a repository's name in a post. */
  postHashtags: number;
  /** Maximum posts about one account's pushes at once and per hour; 10 by default. */
  postsPerHour?: number;
  /**
   * Pushes of one repository within this time share a post, in milliseconds;
   * ten minutes by default.
   */
  foldMs?: number;
}

/** A push to post about. */
export interface PushedImage {
  readonly owner: Did;
  readonly repository: string;
  /** Only tagged pushes are posted: the children of an index have no tag. */
  readonly tag: string;
  /** Bytes of all layers; undefined when not known. */
  readonly size: number | undefined;
  readonly layers: number | undefined;
  readonly platforms: readonly string[];
}

/** The writes of a post, for the commit of the push. */
export interface PlannedPost {
  readonly writes: readonly HoldWrite[];
  /** Call with the AT-URI after the writes are committed. */
  remember(uri: string): Promise<void>;
}

interface LastPost {
  rkey: string;
  tags: string[];
  /** Time of the first folded push, in milliseconds since the Unix epoch. */
  firstAt: number;
}

const FOLD_MS = 10 * 60_000;
const POSTS_PER_HOUR = 10;

/** Tags kept of folded pushes. */
const MAX_FOLDED_TAGS = 50;

/** Decides about posts. Off unless the captain record says otherwise. */
export class HoldPosts {
  readonly #deps: HoldPostsDeps;
  readonly #limiter: RateLimiter;

  constructor(deps: HoldPostsDeps) {
    this.#deps = deps;
    this.#limiter = new RateLimiter(deps.kv, deps.clock);
  }

  /**
   * Returns the post about a push, or undefined when there is none: posts are
   * disabled, the owner has opted out, the hourly limit is reached, or the same
   * tag was just posted.
   *
   * Pushes of one repository in quick succession share a post: it is replaced
   * by one with all tags.
   */
  async plan(image: PushedImage): Promise<PlannedPost | undefined> {
    const { kv, clock, access, handleOf, registryUrl, postHashtags } =
      this.#deps;
    const { owner, repository, tag } = image;
    const captain = await access.captain();
    if (!captain?.enableBlueskyPosts) return undefined;
    if (await this.optedOut(owner)) return undefined;
    const now = clock.now();
    const key = holdKeys.lastPost(owner, repository);
    const found = (await kv.get<LastPost>(key))?.value;
    const last = found && !isAhead(found.firstAt, now) ? found : undefined;
    if (last?.tags.includes(tag)) return undefined;
    const rule = {
      name: "hold_posts",
      limit: this.#deps.postsPerHour ?? POSTS_PER_HOUR,
      windowSeconds: 3_600,
    };
    if (!(await this.#limiter.take(rule, owner)).allowed) return undefined;
    const tags = [...last?.tags ?? [], tag].slice(-MAX_FOLDED_TAGS);
    const handle = await handleOf(owner);
    // What is in a private hold is shown to nobody but its crew.
    const picture = captain.public
      ? await this.#deps.pictureOf?.({
        owner: handle ?? owner,
        repository,
        tags: tagList(tags),
        summary: summaryOf(image),
      })
      : undefined;
    const value = await postRecord({
      ...image,
      did: owner,
      ...{ handle, tags, picture },
      hashtags: postHashtags,
      registryUrl,
      now,
    });
    const writes: HoldWrite[] = [
      { action: "create", collection: COLLECTIONS.post, value },
    ];
    if (last) {
      writes.push({
        action: "delete",
        collection: COLLECTIONS.post,
        rkey: last.rkey,
      });
    }
    const firstAt = last?.firstAt ?? now;
    return {
      writes,
      remember: async (uri) => {
        const rkey = uri.slice(uri.lastIndexOf("/") + 1);
        const row: LastPost = { rkey, tags, firstAt };
        const expiresAt = firstAt + (this.#deps.foldMs ?? FOLD_MS);
        await kv.set(key, row, { expiresAt });
      },
    };
  }

  /** Whether an account has opted out of posts. */
  async optedOut(did: Did): Promise<boolean> {
    return await this.#deps.kv.get(holdKeys.postOptOut(did)) !== undefined;
  }

  /** Sets whether an account is named in posts. */
  async setOptOut(did: Did, out: boolean): Promise<void> {
    const key = holdKeys.postOptOut(did);
    if (out) await this.#deps.kv.set(key, true);
    else await this.#deps.kv.delete(key);
  }
}
