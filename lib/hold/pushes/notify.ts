/**
 * Handles push and pull events (`io.atcr.hold.notifyManifest`).
 *
 * @module
 */

import { MAX_WRITES } from "../../atproto/pds/pds.ts";
import type { Did } from "../../did.ts";
import type { Clock } from "../../clock.ts";
import { AppError, isAppError } from "../../errors.ts";
import type { PushEvent } from "../../hold_api/push_event.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Logger } from "../../log.ts";
import type { HoldAccess } from "../access.ts";
import { holdKeys } from "../kv_keys.ts";
import type { LayerIndex } from "../layers/layer_index.ts";
import { type LayerEntry, manifestRow } from "../layers/layer_rows.ts";
import type { LayerRecords, PresentLayer } from "../layers/layer_records.ts";
import { PostPlanner } from "./post_planner.ts";
import { digestsOf, uriOf } from "./push_content.ts";
import type { HoldPosts, PlannedPost } from "./posts.ts";
import type { HoldQuota } from "../quota/quota.ts";
import {
  type ApplyOptions,
  COLLECTIONS,
  type HoldCommit,
  type HoldRecords,
  type HoldWrite,
  rkeyOf,
} from "../records.ts";
import type { HoldStats, RepoName } from "../stats.ts";
import { KeyedMutex } from "../../async/keyed_mutex.ts";
import type { JoinedRow } from "../../kv/joined_rows.ts";

/** Metrics for the operator. */
export interface HoldMetrics {
  /** `hold_manifest_notifications_received_total` */
  notificationReceived(operation: "push" | "pull"): void;
  /** `hold_notification_errors_total`, by error code. */
  notificationFailed(code: string): void;
  /** `hold_layer_records_created_total` */
  layersCreated(count: number): void;
  /** `hold_layers_missing_total`: a pushed manifest names blobs that are not here. */
  layersMissing(count: number): void;
  /** `hold_bluesky_posts_created_total` */
  postCreated(): void;
}

export interface HoldNotifyDeps {
  kv: Kv;
  records: HoldRecords;
  access: HoldAccess;
  layers: LayerIndex;
  layerRecords: LayerRecords;
  quota: HoldQuota;
  stats: HoldStats;
  posts: HoldPosts;
  clock: Clock;
  log: Logger;
  metrics: HoldMetrics;
}

/** Result of a push event. */
export interface PushOutcome {
  readonly layersCreated: number;
  readonly statsUpdated: boolean;
  /** AT-URI of the post; undefined when none was made. */
  readonly postUri: string | undefined;
}

/** How long the response to a push event is kept, in milliseconds. */
const REMEMBER_MS = 24 * 3_600_000;

/** Attempts of a commit when the counts change concurrently. */
const ATTEMPTS = 10;

/** Blobs whose rows are stored in the commit of the repo; three keys each, which has room for the longest names. */
const MAX_ALONG = 20;

/** Writes of a commit reserved for counts and post. */
const RESERVED_WRITES = 3;

/** Updates the hold's records for pushes and pulls. */
export class HoldNotify {
  readonly #deps: HoldNotifyDeps;
  readonly #turns = new KeyedMutex();
  readonly #planner: PostPlanner;

  constructor(deps: HoldNotifyDeps) {
    this.#deps = deps;
    this.#planner = new PostPlanner(deps);
  }

  /**
   * Records a push: layer records, counts and post in one commit. Only blobs in
   * this hold are recorded, with their actual size; quarantined ones are
   * restored. Repeating the same event within a day changes nothing.
   *
   * Throws AppError `DENIED` (`UserMismatch`) when `caller` is not the owner
   * or may not push here, `QUOTA_EXCEEDED`, `INVALID_REQUEST`.
   */
  async push(caller: Did, event: PushEvent): Promise<PushOutcome> {
    const { clock, log, metrics } = this.#deps;
    const { owner, repository, tag } = event;
    const startedAt = clock.now();
    metrics.notificationReceived("push");
    try {
      // Serialised, so that posts and counts of one account do not race.
      const outcome = await this.#turns.run(
        owner,
        () => this.#push(caller, event),
      );
      log.info("manifest notification received", {
        repository,
        tag,
        userDid: owner,
        layerCount: event.manifest.layers.length,
        layersCreated: outcome.layersCreated,
        postCreated: outcome.postUri !== undefined,
        duration_ms: clock.now() - startedAt,
      });
      return outcome;
    } catch (error) {
      metrics.notificationFailed(isAppError(error) ? error.code : "INTERNAL");
      throw error;
    }
  }

  /**
   * Checks that the blobs of a manifest fit the owner's quota, and charges
   * them, before it is written. A known manifest was admitted before. Throws
   * AppError `QUOTA_EXCEEDED`.
   */
  async admit(event: PushEvent): Promise<void> {
    const { layers, quota } = this.#deps;
    if (!await quota.isLimited(event.owner)) return;
    const known = await layers.manifest(uriOf(event));
    if (known && known.goneSince === undefined) return;
    await quota.admit(event.owner, digestsOf(event));
  }

  /** Counts a pull; it is written with the next flush of the counts. */
  pull(repo: RepoName): void {
    this.#deps.metrics.notificationReceived("pull");
    this.#deps.stats.countPull(repo);
  }

  async #push(caller: Did, event: PushEvent): Promise<PushOutcome> {
    const { kv, quota, layers, layerRecords, clock } = this.#deps;
    const { owner, repository, tag } = event;
    await this.#requireOwner(caller, owner);
    const uri = uriOf(event);
    const again = await layers.generation(uri);
    const key = ["push", uri, repository, tag ?? "", again].join(" ");
    const done = await kv.get<PushOutcome>(holdKeys.notified(key));
    if (done) return done.value;

    const present = await layerRecords.present(event);
    await quota.admit(owner, digestsOf(event));
    const known = new Set(
      (await layers.ofManifest(uri)).map(({ digest }) => digest),
    );
    const fresh = layerRecords.toRecord(
      present.filter(({ digest }) => !known.has(digest)),
    );
    const writes = fresh.map((layer) => layerRecords.write(layer, uri, owner));
    await this.#applyAhead(writes, key);
    const post = await this.#planner.plan(event, present);
    for (const { digest } of fresh) known.add(digest);
    const before = await layers.manifest(uri);
    const now = clock.now();
    const row = { ...manifestRow(event, before, known, now), pushedAt: now };
    const expiresAt = now + REMEMBER_MS;
    const outcomeOf = (commit: HoldCommit): PushOutcome => ({
      layersCreated: fresh.length,
      statsUpdated: true,
      postUri: postOf(commit)?.uri,
    });
    const remembered = (commit: HoldCommit): JoinedRow => ({
      key: holdKeys.notified(key),
      row: outcomeOf(commit),
      expiresAt,
    });
    // The rows of a manifest of the usual size fit into the commit of the repo.
    const isSmall = writes.length === fresh.length &&
      fresh.length + row.extra.length <= MAX_ALONG;
    let along = false;
    const rowsOf = (commit: HoldCommit) => {
      along = true;
      const created = layersOf(commit, fresh, uri, owner);
      return [...layers.rowsOf(uri, row, created), remembered(commit)];
    };
    const commit = await this.#commit(event, writes, post, {
      idempotencyKey: key,
      ...(isSmall ? { also: rowsOf } : {}),
    });
    if (along) {
      await layers.claimed(row, fresh.map(({ digest }) => digest));
    } else {
      // Also after a repeat, whose first attempt may have ended before this.
      await layers.addManifest(uri, row, await layerRecords.created(commit));
    }
    // A garbage collection may have started before the records existed.
    await layerRecords.present(event);
    const outcome = outcomeOf(commit);
    if (outcome.postUri !== undefined) {
      await post?.remember(outcome.postUri);
      this.#deps.metrics.postCreated();
    }
    this.#deps.metrics.layersCreated(fresh.length);
    const missing = layerRecords.missing(event, present);
    if (missing > 0) this.#deps.metrics.layersMissing(missing);
    if (!along) {
      await kv.set(holdKeys.notified(key), outcome, { expiresAt });
    }
    return outcome;
  }

  async #requireOwner(caller: Did, owner: Did): Promise<void> {
    if (caller !== owner) {
      throw new AppError(
        "DENIED",
        `The push is of ${owner}, but the token is of ${caller}; send the owner's token.`,
        { xrpc: "UserMismatch" },
      );
    }
    const decision = await this.#deps.access.write(owner);
    if (!decision.allowed) throw new AppError("DENIED", decision.reason);
  }

  /** Takes from `writes` what does not fit into the last commit, and applies it. */
  async #applyAhead(writes: HoldWrite[], key: string): Promise<void> {
    const { records, layerRecords } = this.#deps;
    while (writes.length > MAX_WRITES - RESERVED_WRITES) {
      const batch = writes.splice(0, MAX_WRITES - RESERVED_WRITES);
      const idempotencyKey = `${key} ${writes.length}`;
      await layerRecords.index(
        await records.apply(batch, { idempotencyKey }),
      );
    }
  }

  async #commit(
    event: PushEvent,
    layers: readonly HoldWrite[],
    post: PlannedPost | undefined,
    options: ApplyOptions,
  ): Promise<HoldCommit> {
    const { records, stats } = this.#deps;
    let posting = post?.writes ?? [];
    for (let attempt = 1;; attempt++) {
      const counts = await stats.pushWrite(event);
      try {
        return await records.apply([...layers, counts, ...posting], options);
      } catch (error) {
        if (attempt === ATTEMPTS) throw error;
        if (isAppError(error, "CONFLICT")) continue;
        if (posting.length === 0) throw error;
        this.#planner.failed(event, error);
        posting = [];
      }
    }
  }
}

/** The post that a commit created. */
function postOf({ results }: HoldCommit): { uri: string } | undefined {
  return results.find(({ action, uri }) =>
    action === "create" && uri.includes(`/${COLLECTIONS.post}/`)
  );
}

/** The layer records that a commit created; they are its first writes. */
function layersOf(
  { results }: HoldCommit,
  fresh: readonly PresentLayer[],
  manifest: string,
  userDid: Did,
): LayerEntry[] {
  return fresh.flatMap(({ digest, size }, i) => {
    const uri = results[i]?.uri;
    return uri === undefined
      ? []
      : [{ rkey: rkeyOf(uri), digest, size, manifest, userDid }];
  });
}
