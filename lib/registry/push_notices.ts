/**
 * Tells holds of pushes until they have heard it: what a hold does not know of
 * it may take for garbage one day. A notice is a job until the hold has
 * answered, so that neither a crash nor a hold that is down loses it.
 *
 * @module
 */

import { z } from "zod";
import { type Did, parseDid } from "../did.ts";
import { type Clock, isWithin } from "../clock.ts";
import { isAppError } from "../errors.ts";
import {
  type JobKind,
  planJob,
  type PlannedJob,
  type QueuedJob,
  waitingJobs,
  withdraw,
} from "../kv/jobs.ts";
import type { Kv } from "../kv/kv.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import type { ParsedManifest } from "../oci/manifest.ts";
import { readManifestAside } from "../oci/manifest_reading.ts";
import type { ManifestContent } from "./manifests/content.ts";
import type { HoldDirectory } from "../hold_api/hold_client.ts";
import type { ManifestIndex, RepoRef } from "./manifests/manifest_index.ts";
import { manifestEvent } from "./notify.ts";

/** What {@linkcode PushNotices} needs. */
export interface PushNoticesDeps {
  kv: Kv;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  holds: HoldDirectory;
  index: ManifestIndex;
  content: ManifestContent;
}

/** A pushed manifest. */
export interface Push {
  readonly ref: RepoRef;
  readonly holdDid: Did;
  readonly digest: Digest;
  readonly manifest: ParsedManifest;
  readonly tag: string | undefined;
}

const did = z.custom<Did>((value) =>
  typeof value === "string" && parseDid(value) !== undefined
);

/** A push that its hold has not heard of yet. */
const notice = z.object({
  did,
  repo: z.string(),
  holdDid: did,
  digest: z.custom<Digest>((value) =>
    typeof value === "string" && isDigest(value)
  ),
  mediaType: z.string(),
  tag: z.string().exactOptional(),
  /** Milliseconds since the Unix epoch. */
  pushedAt: z.number(),
});

type Notice = z.infer<typeof notice>;

const MINUTE_MS = 60_000;

/** Tries for about two weeks: 1, 2, 4 … 30 minutes apart, and then every 30. */
export const PUSH_NOTICE: JobKind<Notice> = {
  name: "registry.push_notice",
  payload: notice,
  backoffMs: MINUTE_MS,
  maxBackoffMs: 30 * MINUTE_MS,
  maxAttempts: 600,
};

/** The first attempt may still be under way for so long, in milliseconds. */
const FIRST_MS = MINUTE_MS;

/** Notices told by one call of {@linkcode PushNotices.tellAll}. */
const MAX_ROUND = 1_000;

/** Tells holds what was pushed. */
export class PushNotices {
  readonly #deps: PushNoticesDeps;

  constructor(deps: PushNoticesDeps) {
    this.#deps = deps;
  }

  /** The notice of `push`, to be kept in the commit that makes the push known. */
  noticeOf({ ref, holdDid, digest, manifest, tag }: Push): PlannedJob {
    const { clock } = this.#deps;
    const pushedAt = clock.now();
    return planJob(clock, PUSH_NOTICE, {
      ...ref,
      holdDid,
      digest,
      mediaType: manifest.mediaType,
      pushedAt,
      ...(tag === undefined ? {} : { tag }),
    }, { runAt: pushedAt + FIRST_MS });
  }

  /**
   * Tells the hold in the background: the push is done, and what the hold
   * makes of it must not hold up the client.
   */
  tell(push: Push, job: QueuedJob): void {
    void this.#tellNow(push, job);
  }

  /**
   * Tells a hold of an earlier push; the handler of {@linkcode PUSH_NOTICE}.
   * Throws what the hold answers when it may answer otherwise the next time.
   */
  async tellAgain(notice: Notice): Promise<void> {
    const push = await this.#pushOf(notice);
    if (push) await this.#attempt(push);
  }

  /**
   * Tells holds at once what they have not answered so far, also what would be
   * tried again much later only; returns how many answered. What a hold does
   * not answer now stays as it is.
   */
  async tellAll(signal: AbortSignal): Promise<number> {
    const { kv, clock } = this.#deps;
    let told = 0;
    for await (const job of waitingJobs(kv, PUSH_NOTICE, MAX_ROUND)) {
      signal.throwIfAborted();
      if (isWithin(job.payload.pushedAt, FIRST_MS, clock.now())) continue;
      const push = await this.#pushOf(job.payload);
      if (!push) await withdraw(kv, job);
      else if (await this.#tellNow(push, job)) told++;
    }
    return told;
  }

  /** The push as the index still has it. */
  async #pushOf(notice: Notice): Promise<Push | undefined> {
    const { index, content } = this.#deps;
    const { did, repo, holdDid, digest, mediaType, tag } = notice;
    const ref = { did, repo };
    if (!await index.manifest(ref, digest)) return undefined;
    const bytes = await content.get(digest);
    if (!bytes) return undefined;
    const manifest = await readManifestAside(bytes, mediaType);
    return { ref, holdDid, digest, manifest, tag };
  }

  /** Tells the hold once; whether it answered. Never throws. */
  async #tellNow(push: Push, job: QueuedJob): Promise<boolean> {
    const { kv, log } = this.#deps;
    try {
      await this.#attempt(push);
    } catch {
      return false; // logged and counted; the job comes round
    }
    try {
      await withdraw(kv, job);
    } catch (error) {
      const { holdDid, digest } = push;
      log.warn("notice of a push stays", { holdDid, digest, error });
    }
    return true;
  }

  /** Tells the hold once. Throws what it answers unless that is final. */
  async #attempt({ ref, holdDid, digest, manifest, tag }: Push): Promise<void> {
    const { log, metrics, holds } = this.#deps;
    metrics.notifications.inc({ operation: "push" });
    const stop = metrics.notificationDuration.startTimer();
    try {
      const hold = await holds.get(holdDid);
      await hold.notifyManifest(
        ref.did,
        manifestEvent(ref, digest, manifest, tag),
      );
    } catch (error) {
      metrics.notificationErrors.inc({ operation: "push" });
      log.warn("hold not notified", { holdDid, digest, error });
      if (!isFinal(error)) throw error;
    } finally {
      stop();
    }
  }
}

/** Whether the hold will say the same the next time. */
function isFinal(error: unknown): boolean {
  return isAppError(error) && error.spec.status < 500 &&
    !isAppError(error, "UNAUTHORIZED", "TOOMANYREQUESTS", "CONFLICT");
}
