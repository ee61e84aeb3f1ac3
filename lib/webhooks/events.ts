/**
 * Dispatches events to webhooks. An event is a job in the commit that causes
 * it, so that no crash loses it; the job queues one delivery for each matching
 * webhook.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import type { IdentityResolver } from "../atproto/identity/identity.ts";
import { type Clock, isWithin } from "../clock.ts";
import type { Did } from "../did.ts";
import { isAppError } from "../errors.ts";
import { type JobKind, planJob, type PlannedJob } from "../kv/jobs/jobs.ts";
import type { RateLimit, RateLimiter } from "../kv/rate_limit.ts";
import type { Logger } from "../log.ts";
import { deliveryId } from "./delivery.ts";
import type { WebhookDeliveries, WebhookObserver } from "./deliveries.ts";
import { eventSchema, triggersOf, type WebhookEvent } from "./event.ts";
import { bodyFor } from "./forms.ts";
import type { Popularity, Surroundings } from "./payload.ts";
import type { Form, Trigger, WebhookRow } from "./webhook.ts";
import type { WebhookRows } from "./webhook_rows.ts";

export interface WebhookEventsDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: RateLimiter;
  readonly identities: IdentityResolver;
  readonly rows: Pick<WebhookRows, "list">;
  readonly deliveries: WebhookDeliveries;
  readonly observer: WebhookObserver;
  readonly popularityOf: (of: Repository) => Promise<Popularity>;
  /** Triggers a poll for due jobs. */
  readonly wake: () => void;
  /** Address of this registry. */
  readonly baseUrl: string;
}

interface Repository {
  readonly did: Did;
  readonly repo: string;
}

/** One event of an owner who may have webhooks. */
export const WEBHOOK_EVENT: JobKind<WebhookEvent> = {
  name: "webhooks.event",
  payload: eventSchema,
};

/** Rate limit of deliveries per owner; more are dropped. */
const PER_OWNER: RateLimit = {
  name: "webhook deliveries",
  limit: 1_000,
  windowSeconds: 3_600,
};

/**
 * How long it is cached that an owner has no webhooks, in milliseconds: another
 * instance may create one.
 */
const NONE_MS = 10_000;

/** Size of the cache of owners without webhooks. */
const REMEMBERED = 50_000;

/** Receives events and queues their deliveries. */
export class WebhookEvents {
  readonly #deps: WebhookEventsDeps;
  /** When an owner was seen to have no webhook, in milliseconds since the Unix epoch. */
  readonly #none = new LRUCache<Did, number>({ max: REMEMBERED });
  /** Counts webhooks created here, to detect lists that were read before. */
  #made = 0;
  #planned = false;

  constructor(deps: WebhookEventsDeps) {
    this.#deps = deps;
  }

  /** The event as a job for the commit that causes it; undefined if its owner has no webhooks. */
  plan(event: WebhookEvent): PlannedJob | undefined {
    const { clock } = this.#deps;
    const seen = this.#none.get(event.did);
    if (seen !== undefined && isWithin(seen, NONE_MS, clock.now())) {
      return undefined;
    }
    this.#planned = true;
    return planJob(clock, WEBHOOK_EVENT, event, { dedupeKey: event.id });
  }

  /** Call it after the commit of the planned job is applied. */
  committed(): void {
    if (!this.#planned) return;
    this.#planned = false;
    this.#deps.wake();
  }

  /** Call it after `did` has created a webhook. */
  made(did: Did): void {
    this.#made++;
    this.#none.delete(did);
  }

  /** Queues the deliveries of an event; the handler of {@linkcode WEBHOOK_EVENT}. */
  async run(event: WebhookEvent): Promise<void> {
    const { rows, deliveries, observer, log } = this.#deps;
    const { did } = event;
    const made = this.#made;
    const all = await rows.list(did);
    if (all.length === 0) {
      const now = this.#deps.clock.now();
      if (made === this.#made) this.#none.set(did, now);
      return;
    }
    const wanted = all.flatMap((webhook) => {
      const trigger = triggerFor(webhook.row, event);
      return trigger === undefined ? [] : [{ webhook, trigger }];
    });
    if (wanted.length === 0) return;
    const { limits, wake } = this.#deps;
    const { allowed } = await limits.take(PER_OWNER, did, wanted.length);
    const about = allowed && await this.#surroundings(event);
    for (const { webhook, trigger } of wanted) {
      const id = deliveryId(event.at, event.id);
      const queued = about && await deliveries.queue(webhook, id, {
        trigger,
        body: bodyFor(webhook.row.form, event, trigger, about),
      });
      if (queued) continue;
      observer.webhookDelivery("dropped");
      log.warn("an event is not sent to a webhook: there are too many", {
        did,
        webhook: webhook.id,
      });
    }
    wake();
  }

  /** The body for `event` for a receiver of the kind `form`. */
  async bodyOf(
    form: Form,
    event: WebhookEvent,
    trigger: Trigger,
  ): Promise<string> {
    return bodyFor(form, event, trigger, await this.#surroundings(event));
  }

  /** Names instead of DIDs, if they resolve now. */
  async #surroundings(event: WebhookEvent): Promise<Surroundings> {
    const { did, repo, holdDid } = event;
    const find = async (wanted: Did) => {
      try {
        return await this.#deps.identities.resolve(wanted);
      } catch (error) {
        if (isAppError(error)) return undefined;
        throw error;
      }
    };
    const [owner, hold, popularity] = await Promise.all([
      find(did),
      find(holdDid),
      this.#deps.popularityOf({ did, repo }),
    ]);
    return {
      owner: owner?.handle ?? did,
      holdEndpoint: hold?.services["#atcr_hold"] ?? hold?.pds,
      baseUrl: this.#deps.baseUrl,
      popularity,
    };
  }
}

/** The trigger by which `event` is sent to a webhook; undefined if none matches. */
function triggerFor(
  { triggers, repository, untagged, off }: WebhookRow,
  event: WebhookEvent,
): Trigger | undefined {
  if (off) return undefined;
  if (repository !== undefined && repository !== event.repo) return undefined;
  if (event.kind === "push" && event.tags.length === 0 && !untagged) {
    return undefined;
  }
  return triggersOf(event).find((trigger) => triggers.includes(trigger));
}
