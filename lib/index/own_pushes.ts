/**
 * Pushes through this registry: listed as activity in the commit that makes
 * them, counted in memory until the next flush, and the page of the repository
 * filled by a job that no push waits for.
 *
 * @module
 */

import { z } from "zod";
import type { PdsSession } from "../atproto/pds/pds.ts";
import type { Clock } from "../clock.ts";
import { type Did, storedDidSchema } from "../did.ts";
import { type JobKind, planJob } from "../kv/jobs/jobs.ts";
import type { Key } from "../kv/kv.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import {
  type Activities,
  PUSHES_TOGETHER,
  type TagPush,
} from "./counts/activity.ts";
import { activityRows } from "./counts/activity_rows.ts";
import { isTagAboutImage } from "./counts/pull_sessions.ts";
import type { ImageNotes } from "./people/page_facts.ts";
import type { Pages } from "./people/pages.ts";

export interface OwnPushesDeps {
  readonly clock: Clock;
  readonly activities: Pick<Activities, "pushedTogether">;
  readonly pages: Pick<Pages, "fill">;
  /** The session of an account; undefined when it has to sign in again. */
  readonly session: (did: Did) => Promise<PdsSession | undefined>;
  /** Annotations and labels of an image; undefined when it is gone. */
  readonly notesOf: (
    ref: { readonly did: Did; readonly repo: string },
    digest: Digest,
  ) => Promise<ImageNotes | undefined>;
}

/** A push as the registry announces it. */
export interface OwnPush {
  readonly ref: { readonly did: Did; readonly repo: string };
  readonly digest: Digest;
  /** Milliseconds since the Unix epoch; the time in the records of the tags. */
  readonly at: number;
  /** At most 50. */
  readonly tags: readonly { readonly tag: string }[];
}

/** A row for the commit of a push. */
export interface PushRow {
  readonly key: Key;
  readonly row: unknown;
  readonly expiresAt?: number;
}

const digestSchema = z.custom<Digest>((value) =>
  typeof value === "string" && isDigest(value)
);
const page = z.object({
  did: storedDidSchema,
  repo: z.string(),
  digest: digestSchema,
});
type PageFill = z.infer<typeof page>;

/** Fills the page of a repository from the image that was pushed last. */
export const PAGE_FILL: JobKind<PageFill> = {
  name: "index.page_fill",
  payload: page,
  backoffMs: 60_000,
  maxAttempts: 6,
  concurrency: 2,
};

/** Tags of one push that are listed as activity. */
const MAX_LISTED = 5;
/** Pushes of one repository that come within this time fill its page once, in milliseconds. */
const GATHER_MS = 10_000;

/** Pushes that wait to be counted; beyond this many they are not. */
const MAX_WAITING = 50_000;

/** Follows the pushes of the registry. */
export class OwnPushes {
  readonly #deps: OwnPushesDeps;
  #waiting: TagPush[] = [];

  constructor(deps: OwnPushesDeps) {
    this.#deps = deps;
  }

  /** The rows of a push; a push without a tag, and one of a signature, has none. */
  plan({ ref, digest, at, tags: all }: OwnPush): readonly PushRow[] {
    const { clock } = this.#deps;
    const tags = all.map(({ tag }) => tag)
      .filter((tag) => !isTagAboutImage(tag));
    if (tags.length === 0) return [];
    if (this.#waiting.length < MAX_WAITING) {
      this.#waiting.push(
        ...tags.map((tag, i) => ({
          ...{ ...ref, tag, digest, at },
          isListed: i < MAX_LISTED,
        })),
      );
    }
    const now = clock.now();
    const listed = tags.slice(0, MAX_LISTED).flatMap((tag) =>
      activityRows(
        { ...ref, kind: "push", actor: ref.did, tag, digest, at },
        now,
      )
    );
    const job = planJob(clock, PAGE_FILL, { ...ref, digest }, {
      dedupeKey: `${ref.did}/${ref.repo}`,
      // In whole seconds: each other time leaves a row.
      runAt: Math.ceil((now + GATHER_MS) / 1_000) * 1_000,
    });
    return [...listed, ...job.rows];
  }

  /**
   * Counts the pushes since the last time; one that the network reports as well
   * counts once. What fails is kept for the next time. Throws the store's errors.
   */
  async flush(): Promise<void> {
    const { activities } = this.#deps;
    const pushes = this.#waiting;
    this.#waiting = [];
    const failed: unknown[] = [];
    for (let i = 0; i < pushes.length; i += PUSHES_TOGETHER) {
      const some = pushes.slice(i, i + PUSHES_TOGETHER);
      try {
        await activities.pushedTogether(some);
      } catch (error) {
        this.#waiting.push(...some);
        failed.push(error);
      }
    }
    if (failed.length > 0) throw failed[0];
  }

  /** The handler of {@linkcode PAGE_FILL}. Throws what {@linkcode Pages.fill} throws. */
  async fillPage(
    { did, repo, digest }: PageFill,
    signal: AbortSignal,
  ): Promise<void> {
    const { pages, session, notesOf } = this.#deps;
    const notes = await notesOf({ did, repo }, digest);
    if (!notes) return;
    const owner = await session(did);
    // Who is not signed in any more pushes again some day.
    if (owner) await pages.fill(owner, repo, notes, signal);
  }
}
