/**
 * Pushes through this registry: listed as activity in the commit that makes
 * them; counted, and the page of the repository filled, by jobs that no push
 * waits for.
 *
 * @module
 */

import { z } from "zod";
import type { PdsSession } from "../atproto/pds/pds.ts";
import type { Clock } from "../clock.ts";
import { type Did, storedDidSchema } from "../did.ts";
import { enqueue, type JobKind, planJob } from "../kv/jobs/jobs.ts";
import type { Key, Kv } from "../kv/kv.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import type { Activities } from "./counts/activity.ts";
import { activityRows } from "./counts/activity_rows.ts";
import { isTagAboutImage } from "./counts/pull_sessions.ts";
import type { ImageNotes } from "./people/page_facts.ts";
import type { Pages } from "./people/pages.ts";

export interface OwnPushesDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly activities: Pick<Activities, "pushed">;
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
const push = page.extend({ tags: z.array(z.string()), at: z.number() });

type Push = z.infer<typeof push>;
type PageFill = z.infer<typeof page>;

/** Counts a push. */
export const PUSH: JobKind<Push> = { name: "index.push", payload: push };

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

/** Follows the pushes of the registry. */
export class OwnPushes {
  readonly #deps: OwnPushesDeps;

  constructor(deps: OwnPushesDeps) {
    this.#deps = deps;
  }

  /** The rows of a push; a push without a tag, and one of a signature, has none. */
  plan({ ref, digest, at, tags: all }: OwnPush): readonly PushRow[] {
    const { clock } = this.#deps;
    const tags = all.map(({ tag }) => tag)
      .filter((tag) => !isTagAboutImage(tag));
    if (tags.length === 0) return [];
    const work = { ...ref, digest, tags, at };
    const listed = tags.slice(0, MAX_LISTED).flatMap((tag) =>
      activityRows(
        { ...ref, kind: "push", actor: ref.did, tag, digest, at },
        clock.now(),
      )
    );
    return [...listed, ...planJob(clock, PUSH, work).rows];
  }

  /** The handler of {@linkcode PUSH}. */
  async count({ did, repo, digest, tags, at }: Push): Promise<void> {
    const { kv, clock, activities } = this.#deps;
    for (const tag of tags) {
      await activities.pushed({ did, repo, tag, digest, at });
    }
    const commit = kv.atomic();
    enqueue(commit, clock, PAGE_FILL, { did, repo, digest }, {
      dedupeKey: `${did}/${repo}`,
      runAt: clock.now() + GATHER_MS,
    });
    await commit.commit();
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
