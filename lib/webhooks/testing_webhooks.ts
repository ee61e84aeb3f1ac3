/**
 * Webhooks with a configurable receiver.
 *
 * @module
 */

import type { Identity } from "../atproto/identity/identity.ts";
import { SecretBox } from "../crypto/secret_box.ts";
import type { Did } from "../did.ts";
import { JobRunner } from "../kv/jobs/job_runner.ts";
import { openKv } from "../kv/open_kv.ts";
import { RateLimiter } from "../kv/rate_limit.ts";
import type { GuardedFetch } from "../net/guarded_fetch.ts";
import { ManualClock } from "../testing_clock.ts";
import { silentLogger } from "../testing_log.ts";
import { WEBHOOK_DELIVERY, WebhookDeliveries } from "./deliveries.ts";
import type { WebhookEvent } from "./event.ts";
import { WEBHOOK_EVENT, WebhookEvents } from "./events.ts";
import { WebhookScans } from "./scans.ts";
import { WebhookSender } from "./sender.ts";
import { WebhookRows } from "./webhook_rows.ts";
import { type NewWebhook, Webhooks } from "./webhooks.ts";

export const ALICE: Did = "did:plc:alicealicealicealiceal22";
export const BOB: Did = "did:plc:bobbobbobbobbobbobbobbob";
export const HOLD: Did = "did:web:hold.example.com";
export const URL_OF_RECEIVER = "https://receiver.example.com/hook";

/** A webhook for every push and delete. */
export const EVERYTHING: NewWebhook = {
  url: URL_OF_RECEIVER,
  secret: undefined,
  triggers: ["push", "delete"],
  repository: undefined,
  untagged: true,
};

/** What the receiver was sent. */
export interface Received {
  readonly at: number;
  readonly url: string;
  readonly headers: Headers;
  readonly body: string;
}

const NAMES: Readonly<Record<Did, string>> = {
  [ALICE]: "alice.test",
  [BOB]: "bob.test",
};

/** The webhooks of one instance over an in-memory store. */
export async function startTestWebhooks() {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const log = silentLogger;
  const received: Received[] = [];
  const outcomes: string[] = [];
  const state = {
    /** The receiver's response; an error means that it is unreachable. */
    answer: (_: Received): Response | Promise<Response> => new Response("ok"),
  };
  const fetch: GuardedFetch = Object.assign(
    async (input: string | URL | Request, init?: RequestInit) => {
      const { url, headers, body } = new Request(input, init);
      const text = await new Response(body).text();
      const one = { at: clock.now(), url, headers, body: text };
      received.push(one);
      return await state.answer(one);
    },
    { close() {} },
  );
  const jobs = new JobRunner({ kv, clock, log });
  const identity = (did: Did): Identity => ({
    did,
    handle: NAMES[did],
    pds: undefined,
    signingKey: undefined,
    services: did === HOLD ? { "#atcr_hold": "https://hold.example.com" } : {},
  });
  const parts = {
    ...{ kv, clock, log },
    rows: new WebhookRows({ kv, clock, box: new SecretBox(SECRET) }),
    sender: new WebhookSender(fetch, clock),
    limits: new RateLimiter(kv, clock),
    identities: {
      resolve: (did: string) => Promise.resolve(identity(did as Did)),
      forget: () => Promise.resolve(),
    },
    observer: {
      webhookDelivery: (outcome: string) => outcomes.push(outcome),
    },
    popularityOf: () => Promise.resolve({ stars: 3, pulls: 40 }),
    wake: () => {},
    baseUrl: "https://registry.example.com",
    allowedOrigins: ["http://ci.internal:8080"],
  };
  const deliveries = new WebhookDeliveries(parts);
  const events = new WebhookEvents({ ...parts, deliveries });
  const webhooks = new Webhooks({ ...parts, deliveries, events });
  const scans = new WebhookScans({
    ...{ kv, clock, events },
    holdOf: () => Promise.resolve(HOLD),
  });
  jobs.register(WEBHOOK_EVENT, (event) => events.run(event));
  jobs.register(WEBHOOK_DELIVERY, deliveries.run);
  /** Stores an event like a push; returns whether there was one to store. */
  const announce = async (event: WebhookEvent) => {
    const planned = events.plan(event);
    const commit = kv.atomic();
    for (const { key, row } of planned?.rows ?? []) commit.set(key, row);
    await commit.commit();
    return planned !== undefined;
  };
  return {
    ...{ clock, kv, jobs, webhooks, events, announce, received, outcomes },
    scans,
    state,
    [Symbol.dispose]: () => kv.close(),
  };
}

const SECRET = new Uint8Array(32).fill(7);

let count = 0;

/** A push of ALICE's to `repo`. */
export function pushOf(
  repo: string,
  tags: readonly string[],
  at: number,
  did: Did = ALICE,
): WebhookEvent & { kind: "push" } {
  return {
    kind: "push",
    id: crypto.randomUUID(),
    ...{ did, repo, at },
    holdDid: HOLD,
    digest: `sha256:${String(count++).padStart(64, "0")}`,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    size: 500,
    tags: tags.map((tag) => ({ tag })),
  };
}

/** What {@linkcode startTestWebhooks} returns. */
export type TestWebhooks = Awaited<ReturnType<typeof startTestWebhooks>>;

/** The log of ALICE's webhook `id`. */
export async function logOf(rig: TestWebhooks, id: string) {
  const page = { cursor: undefined, limit: 100 };
  const ref = { did: ALICE, id };
  return (await rig.webhooks.deliveries(ref, page)).deliveries;
}
