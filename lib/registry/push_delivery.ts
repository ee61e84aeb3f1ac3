/**
 * Delivers push events to holds, which would eventually treat unknown content
 * as garbage. A delivery is a job until the hold has responded, so that neither
 * a crash nor an unavailable hold loses it.
 *
 * @module
 */

import { z } from "zod";
import { type Did, storedDidSchema } from "../did.ts";
import { type Clock, isWithin } from "../clock.ts";
import { isAppError } from "../errors.ts";
import {
  type JobKind,
  planJob,
  type PlannedJob,
  type QueuedJob,
  waitingJobs,
  withdraw,
} from "../kv/jobs/jobs.ts";
import type { Kv } from "../kv/kv.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import type { ParsedManifest } from "../oci/manifest.ts";
import { readManifestAside } from "../oci/manifest_reading.ts";
import type { ManifestContent } from "./manifests/content.ts";
import type { HoldDirectory } from "../hold_api/hold_client.ts";
import type { PushEvent } from "../hold_api/push_event.ts";
import type { ManifestIndex, RepoRef } from "./manifests/manifest_index.ts";

export interface PushDeliveriesDeps {
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

/** A push without a response of its hold yet. */
const delivery = z.object({
  did: storedDidSchema,
  repo: z.string(),
  holdDid: storedDidSchema,
  digest: z.custom<Digest>((value) =>
    typeof value === "string" && isDigest(value)
  ),
  mediaType: z.string(),
  tag: z.string().exactOptional(),
  /** Milliseconds since the Unix epoch. */
  pushedAt: z.number(),
});

type Delivery = z.infer<typeof delivery>;

const MINUTE_MS = 60_000;

/**
 * Retried for about two weeks: 1, 2, 4 … 30 minutes apart, and then every 30.
 * Holds of others may hang, so deliveries have slots of their own.
 */
export const PUSH_DELIVERY: JobKind<Delivery> = {
  // The name that jobs are stored under.
  name: "registry.push_notice",
  payload: delivery,
  backoffMs: MINUTE_MS,
  maxBackoffMs: 30 * MINUTE_MS,
  maxAttempts: 600,
  concurrency: 8,
};

/** How long the first attempt may still be running, in milliseconds. */
const FIRST_MS = MINUTE_MS;

/** How long jobs of delivered pushes are collected after others were withdrawn, in milliseconds. */
const GATHER_MS = 250;

/** Maximum deliveries per call of {@linkcode PushDeliveries.deliverAll}. */
const MAX_ROUND = 1_000;

/** Delivers pushes. */
export class PushDeliveries {
  readonly #deps: PushDeliveriesDeps;
  #delivered: QueuedJob[] = [];
  #withdrawnAt = -Infinity;

  constructor(deps: PushDeliveriesDeps) {
    this.#deps = deps;
  }

  /** The delivery of `push` as a job, to be stored in the commit of the push. */
  plan({ ref, holdDid, digest, manifest, tag }: Push): PlannedJob {
    const { clock } = this.#deps;
    const pushedAt = clock.now();
    return planJob(clock, PUSH_DELIVERY, {
      ...ref,
      holdDid,
      digest,
      mediaType: manifest.mediaType,
      pushedAt,
      ...(tag === undefined ? {} : { tag }),
    }, { runAt: pushedAt + FIRST_MS });
  }

  /** Delivers in the background: the push is complete, and the hold must not delay the client. */
  deliver(push: Push, job: QueuedJob): void {
    void this.#deliverFirst(push, job);
  }

  /** Never throws. */
  async #deliverFirst(push: Push, job: QueuedJob): Promise<void> {
    try {
      await this.#attempt(push);
    } catch {
      return; // logged and counted; the job retries
    }
    this.#delivered.push(job);
    // The call that added the first one withdraws them all.
    if (this.#delivered.length > 1) return;
    const { clock } = this.#deps;
    if (isWithin(this.#withdrawnAt, GATHER_MS, clock.now())) {
      await clock.sleep(GATHER_MS);
    }
    const delivered = this.#delivered;
    this.#delivered = [];
    this.#withdrawnAt = clock.now();
    await this.#withdraw(delivered);
  }

  /**
   * Delivers an earlier push; the handler of {@linkcode PUSH_DELIVERY}. Throws
   * the hold's error if it is transient.
   */
  async redeliver(delivery: Delivery): Promise<void> {
    const push = await this.#pushOf(delivery);
    if (push) await this.#attempt(push);
  }

  /**
   * Delivers all pending deliveries at once, including those scheduled much
   * later; returns how many succeeded. The others stay unchanged.
   */
  async deliverAll(signal: AbortSignal): Promise<number> {
    const { kv, clock } = this.#deps;
    let delivered = 0;
    for await (const job of waitingJobs(kv, PUSH_DELIVERY, MAX_ROUND)) {
      signal.throwIfAborted();
      if (isWithin(job.payload.pushedAt, FIRST_MS, clock.now())) continue;
      const push = await this.#pushOf(job.payload);
      if (!push) await withdraw(kv, [job]);
      else if (await this.#deliverNow(push, job)) delivered++;
    }
    return delivered;
  }

  /** The push as the index still has it. */
  async #pushOf(delivery: Delivery): Promise<Push | undefined> {
    const { index, content } = this.#deps;
    const { did, repo, holdDid, digest, mediaType, tag } = delivery;
    const ref = { did, repo };
    if (!await index.manifest(ref, digest)) return undefined;
    const bytes = await content.get(digest);
    if (!bytes) return undefined;
    const manifest = await readManifestAside(bytes, mediaType);
    return { ref, holdDid, digest, manifest, tag };
  }

  /** Delivers once; returns whether the hold responded. Never throws. */
  async #deliverNow(push: Push, job: QueuedJob): Promise<boolean> {
    try {
      await this.#attempt(push);
    } catch {
      return false; // logged and counted; the job retries
    }
    await this.#withdraw([job]);
    return true;
  }

  /** Never throws. */
  async #withdraw(jobs: readonly QueuedJob[]): Promise<void> {
    const { kv, log } = this.#deps;
    try {
      await withdraw(kv, jobs);
    } catch (error) {
      log.warn("deliveries of pushes stay", { count: jobs.length, error });
    }
  }

  /** Delivers once. Throws the hold's error unless it is permanent. */
  async #attempt(push: Push): Promise<void> {
    const { ref, holdDid, digest } = push;
    const { log, metrics, holds } = this.#deps;
    metrics.notifications.inc({ operation: "push" });
    const stop = metrics.notificationDuration.startTimer();
    try {
      const hold = await holds.get(holdDid);
      await hold.notifyManifest(ref.did, describePush(push));
    } catch (error) {
      metrics.notificationErrors.inc({ operation: "push" });
      log.warn("hold not notified", { holdDid, digest, error });
      if (!isFinal(error)) throw error;
    } finally {
      stop();
    }
  }
}

/** Builds the event of a push for its hold, in the form of the lexicon. */
export function describePush(push: Push): PushEvent {
  const { ref, digest, manifest, tag } = push;
  const { mediaType, config, layers, manifests } = manifest;
  return {
    repository: ref.repo,
    owner: ref.did,
    digest,
    ...(tag === undefined ? {} : { tag }),
    manifest: {
      mediaType,
      ...(config
        ? { config: { digest: config.digest, size: config.size } }
        : {}),
      layers: layers.map((layer) => ({
        digest: layer.digest,
        size: layer.size,
        mediaType: layer.mediaType,
      })),
      ...(manifest.kind === "index"
        ? {
          manifests: manifests.map((child) => ({
            digest: child.digest,
            size: child.size,
            mediaType: child.mediaType,
            ...(child.platform
              ? {
                platform: {
                  os: child.platform.os,
                  architecture: child.platform.architecture,
                },
              }
              : {}),
          })),
        }
        : {}),
    },
  };
}

/** Whether the error is permanent. */
function isFinal(error: unknown): boolean {
  return isAppError(error) && error.spec.status < 500 &&
    !isAppError(error, "UNAUTHORIZED", "TOOMANYREQUESTS", "CONFLICT");
}
