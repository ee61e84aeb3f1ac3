/**
 * Deliveries to webhooks: each is a job, retried after 30 seconds, 2 and 8
 * minutes, and a row that its owner can read.
 *
 * @module
 */

import { z } from "zod";
import type { Clock } from "../clock.ts";
import { storedDidSchema } from "../did.ts";
import { AppError } from "../errors.ts";
import type { JobHandler } from "../kv/jobs/job_handler.ts";
import { enqueue, type JobKind } from "../kv/jobs/jobs.ts";
import type { Entry, Kv } from "../kv/kv.ts";
import {
  type Attempt,
  DELIVERY_KEPT_MS,
  type DeliveryRow,
  type DeliveryState,
  makeRoom,
  readDelivery,
} from "./delivery.ts";
import { deliveryKey } from "./kv_keys.ts";
import type { WebhookSender } from "./sender.ts";
import type { WebhookRef, WebhookRows } from "./webhook_rows.ts";

export interface WebhookDeliveriesDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly rows: WebhookRows;
  readonly sender: WebhookSender;
  readonly observer: WebhookObserver;
}

/** Counts results of deliveries. */
export interface WebhookObserver {
  /** `delivered`, `retried`, `failed`, or `dropped`: not sent at all. */
  webhookDelivery(outcome: string): void;
}

const payload = z.object({
  did: storedDidSchema,
  webhook: z.string(),
  id: z.string(),
});

type DeliveryJob = z.infer<typeof payload>;

const PAUSES_MS = [30_000, 120_000, 480_000] as const;
const MAX_ATTEMPTS = PAUSES_MS.length + 1;

/** One delivery. Receivers may be slow, so deliveries have separate slots. */
export const WEBHOOK_DELIVERY: JobKind<DeliveryJob> = {
  name: "webhooks.delivery",
  payload,
  pausesMs: PAUSES_MS,
  maxAttempts: MAX_ATTEMPTS,
  concurrency: 8,
};

/** Queues and sends deliveries. */
export class WebhookDeliveries {
  readonly #deps: WebhookDeliveriesDeps;

  constructor(deps: WebhookDeliveriesDeps) {
    this.#deps = deps;
  }

  /**
   * Queues a delivery with the id `id`; returns false when too many are queued
   * for this receiver. A delivery that is queued already is unchanged.
   */
  async queue(
    { did, id: webhook }: WebhookRef,
    id: string,
    what: Pick<DeliveryRow, "trigger" | "body">,
  ): Promise<boolean> {
    const { kv, clock } = this.#deps;
    if (!await makeRoom(kv, { did, webhook })) return false;
    const at = clock.now();
    const key = deliveryKey(did, webhook, id);
    const row: DeliveryRow = { ...what, at, state: "waiting", attempts: [] };
    const change = kv.atomic().check(key, null)
      .set(key, row, { expiresAt: at + DELIVERY_KEPT_MS });
    const job = { did, webhook, id };
    enqueue(change, clock, WEBHOOK_DELIVERY, job, {
      dedupeKey: `${did} ${webhook} ${id}`,
    });
    await change.commit();
    return true;
  }

  /** Makes one attempt; the handler of {@linkcode WEBHOOK_DELIVERY}. */
  readonly run: JobHandler<DeliveryJob> = async (job, { attempt, signal }) => {
    const { kv, rows, sender, observer } = this.#deps;
    const ref = { did: job.did, id: job.webhook };
    const [delivery, webhook] = await Promise.all([
      readDelivery(kv, job),
      rows.read(ref),
    ]);
    if (delivery?.value.state !== "waiting" || !webhook) return;
    if (webhook.value.off) {
      observer.webhookDelivery("dropped");
      return await this.#note(delivery, "dropped");
    }
    const target = rows.target(ref, webhook.value);
    const { trigger, body } = delivery.value;
    const sending = { id: job.id, trigger, body };
    const outcome = await sender.send(target, sending, signal);
    const { delivered, gone, retryAfterSeconds } = outcome;
    if (delivered) {
      observer.webhookDelivery("delivered");
      await this.#note(delivery, "delivered", outcome.attempt);
      return await rows.succeeded(ref);
    }
    const { error = "" } = outcome.attempt;
    if (gone || attempt >= MAX_ATTEMPTS) {
      observer.webhookDelivery("failed");
      await this.#note(delivery, "failed", outcome.attempt);
      return await rows.failed(ref, error, gone);
    }
    observer.webhookDelivery("retried");
    await this.#note(delivery, "waiting", outcome.attempt);
    throw new AppError("UPSTREAM_FAILED", error, {
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    });
  };

  /** Sends once immediately and stores the result, even if the webhook is disabled. */
  async sendNow(
    { did, id: webhook }: WebhookRef,
    id: string,
    what: Pick<DeliveryRow, "trigger" | "body">,
    signal?: AbortSignal,
  ): Promise<DeliveryRow> {
    const { kv, clock, rows, sender } = this.#deps;
    const ref = { did, id: webhook };
    const target = rows.target(ref, await rows.require(ref));
    const at = clock.now();
    const { attempt, delivered } = await sender.send(
      target,
      { id, ...what },
      signal,
    );
    const row: DeliveryRow = {
      ...what,
      at,
      test: true,
      state: delivered ? "delivered" : "failed",
      attempts: [attempt],
    };
    await makeRoom(kv, { did, webhook });
    await kv.set(deliveryKey(did, webhook, id), row, {
      expiresAt: at + DELIVERY_KEPT_MS,
    });
    return row;
  }

  async #note(
    { key, value, versionstamp }: Entry<DeliveryRow>,
    state: DeliveryState,
    attempt?: Attempt,
  ): Promise<void> {
    const row: DeliveryRow = {
      ...value,
      state,
      attempts: attempt ? [...value.attempts, attempt] : value.attempts,
    };
    // If it was deleted with its webhook meanwhile, it is not restored.
    await this.#deps.kv.atomic().check(key, versionstamp)
      .set(key, row, { expiresAt: value.at + DELIVERY_KEPT_MS })
      .commit();
  }
}
