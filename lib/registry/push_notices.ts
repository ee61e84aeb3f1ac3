/**
 * Tells holds of pushes until they have heard it: what a hold does not know of
 * it may take for garbage one day. A notice is kept until the hold has
 * answered, so that neither a crash nor a hold that is down loses it.
 *
 * @module
 */

import type { Did } from "../atproto/identity.ts";
import type { Clock } from "../clock.ts";
import { isAppError } from "../errors.ts";
import type { Key, Kv } from "../kv/kv.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Digest } from "../oci/digest.ts";
import { type ParsedManifest, parseManifest } from "../oci/manifest.ts";
import type { ManifestContent } from "./content.ts";
import type { HoldDirectory } from "./hold_client.ts";
import { registryKeys } from "./keys.ts";
import type { KeptRow, ManifestIndex, RepoRef } from "./manifest_index.ts";
import { manifestEvent } from "./notify.ts";
import type { NoticeRow } from "./rows.ts";

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

/** The first attempt may still be under way for so long, in milliseconds. */
const FIRST_MS = 60_000;

/** A hold that hears nothing for so long is given up, in milliseconds. */
const KEPT_MS = 14 * 24 * 3_600_000;

/** Notices told in one round; the next round takes the rest. */
const MAX_ROUND = 1_000;

/** Tells holds what was pushed. */
export class PushNotices {
  readonly #deps: PushNoticesDeps;

  constructor(deps: PushNoticesDeps) {
    this.#deps = deps;
  }

  /** The notice of `push`, to be kept in the commit that makes the push known. */
  noticeOf({ ref, holdDid, digest, manifest, tag }: Push): KeptRow {
    const now = this.#deps.clock.now();
    const row: NoticeRow = {
      ...ref,
      holdDid,
      digest,
      mediaType: manifest.mediaType,
      pushedAt: now,
      ...(tag === undefined ? {} : { tag }),
    };
    const key = registryKeys.notice(crypto.randomUUID());
    return { key, row, expiresAt: now + KEPT_MS };
  }

  /**
   * Tells the hold in the background: the push is done, and what the hold
   * makes of it must not hold up the client.
   */
  tell(push: Push, { key }: KeptRow): void {
    void this.#attempt(key, push);
  }

  /** Tells holds what they have not answered so far; returns how many answered now. */
  async retry(signal: AbortSignal): Promise<number> {
    const { kv, clock } = this.#deps;
    const prefix = registryKeys.notices();
    let told = 0;
    const notices = kv.list<NoticeRow>({ prefix }, { limit: MAX_ROUND });
    for await (const { key, value } of notices) {
      signal.throwIfAborted();
      if (clock.now() - value.pushedAt < FIRST_MS) continue;
      const push = await this.#pushOf(value);
      if (!push) await kv.delete(key);
      else if (await this.#attempt(key, push)) told++;
    }
    return told;
  }

  /** The push as the index still has it. */
  async #pushOf(row: NoticeRow): Promise<Push | undefined> {
    const { index, content } = this.#deps;
    const { did, repo, holdDid, digest, mediaType, tag } = row;
    const ref = { did, repo };
    if (!await index.manifest(ref, digest)) return undefined;
    const bytes = await content.get(digest);
    if (!bytes) return undefined;
    const manifest = parseManifest(bytes, mediaType);
    return { ref, holdDid, digest, manifest, tag };
  }

  /** Tells the hold once; whether it answered. Never throws. */
  async #attempt(
    key: Key,
    { ref, holdDid, digest, manifest, tag }: Push,
  ): Promise<boolean> {
    const { kv, log, metrics, holds } = this.#deps;
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
      if (!isFinal(error)) return false;
    } finally {
      stop();
    }
    try {
      await kv.delete(key);
    } catch (error) {
      log.warn("notice of a push stays", { holdDid, digest, error });
    }
    return true;
  }
}

/** Whether the hold will say the same the next time. */
function isFinal(error: unknown): boolean {
  return isAppError(error) && error.spec.status < 500 &&
    !isAppError(error, "UNAUTHORIZED", "TOOMANYREQUESTS", "CONFLICT");
}
