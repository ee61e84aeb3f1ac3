/**
 * Builds the webhooks and connects them to the events of the registry.
 *
 * @module
 */

import type { IdentityResolver } from "../atproto/identity/identity.ts";
import type { Config } from "../config/config.ts";
import type { SecretBox } from "../crypto/secret_box.ts";
import type { JobRunner } from "../kv/jobs/job_runner.ts";
import { RateLimiter } from "../kv/rate_limit.ts";
import { createGuardedFetch, type GuardedFetch } from "../net/guarded_fetch.ts";
import type {
  RepositoryEvent,
  RepositoryEvents,
} from "../registry/repository_events.ts";
import { WEBHOOK_DELIVERY, WebhookDeliveries } from "../webhooks/deliveries.ts";
import type { WebhookEvent } from "../webhooks/event.ts";
import {
  WEBHOOK_EVENT,
  WebhookEvents,
  type WebhookEventsDeps,
} from "../webhooks/events.ts";
import {
  WEBHOOK_SCAN,
  WebhookScans,
  type WebhookScansDeps,
} from "../webhooks/scans.ts";
import { WebhookSender } from "../webhooks/sender.ts";
import { WebhookRows } from "../webhooks/webhook_rows.ts";
import { Webhooks } from "../webhooks/webhooks.ts";
import { userAgent } from "./network.ts";
import type { Platform } from "./platform.ts";

export interface WebhooksContextDeps extends Platform {
  config: Config;
  box: SecretBox;
  jobs: JobRunner;
  identities: IdentityResolver;
  /** The hold of an image that is known here. */
  holdOf: WebhookScansDeps["holdOf"];
  popularityOf: WebhookEventsDeps["popularityOf"];
}

/** The webhooks of the accounts here. */
export interface WebhooksContext {
  readonly webhooks: Webhooks;
  /** Receives events of the registry. */
  readonly events: RepositoryEvents;
  /** Takes reports of scanners in the repos of holds. */
  readonly scans: WebhookScans;
  close(): void;
}

/** Builds them, and registers their jobs. */
export function createWebhooks(deps: WebhooksContextDeps): WebhooksContext {
  const { config, kv, clock, metrics, jobs } = deps;
  const { allowed_origins: allowedOrigins } = config.webhooks;
  const fetch = receiverFetch(deps, allowedOrigins);
  const parts = {
    ...deps,
    rows: new WebhookRows(deps),
    sender: new WebhookSender(fetch, clock),
    limits: new RateLimiter(kv, clock),
    observer: metrics.webhooks,
    wake: () => jobs.wake(),
    baseUrl: config.server.base_url,
    allowedOrigins,
  };
  const deliveries = new WebhookDeliveries(parts);
  const events = new WebhookEvents({ ...parts, deliveries });
  jobs.register(WEBHOOK_EVENT, (event) => events.run(event));
  jobs.register(WEBHOOK_DELIVERY, deliveries.run);
  const scans = new WebhookScans({ ...deps, events });
  jobs.register(WEBHOOK_SCAN, (written) => scans.apply(written));
  return {
    webhooks: new Webhooks({ ...parts, deliveries, events }),
    events: {
      plan: (event) => events.plan(webhookEvent(event))?.rows ?? [],
      committed: () => events.committed(),
    },
    scans,
    close: () => fetch.close(),
  };
}

/** A guarded fetch that allows only the operator's origins, because users choose the receivers. */
function receiverFetch(
  { config, clock }: WebhooksContextDeps,
  allowedOrigins: readonly string[],
): GuardedFetch {
  return createGuardedFetch({
    userAgent: userAgent(config),
    allowedOrigins,
    clock,
  });
}

function webhookEvent(event: RepositoryEvent): WebhookEvent {
  const { ref, holdDid, at, digest } = event;
  const common = { ...ref, id: crypto.randomUUID(), holdDid, at, digest };
  if (event.kind === "delete") {
    const { kind, tag } = event;
    return { ...common, kind, ...(tag === undefined ? {} : { tag }) };
  }
  const { kind, mediaType, size, tags } = event;
  return {
    ...common,
    kind,
    mediaType,
    size,
    tags: tags.map(({ tag, from }) => ({
      tag,
      ...(from === undefined ? {} : { from }),
    })),
  };
}
