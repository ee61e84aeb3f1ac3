/**
 * Webhooks of accounts: making, changing, trying, and looking at what was sent.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { Did } from "../did.ts";
import { AppError } from "../errors.ts";
import type { Kv } from "../kv/kv.ts";
import type { RateLimit, RateLimiter } from "../kv/rate_limit.ts";
import type { WebhookDeliveries } from "./deliveries.ts";
import {
  type Delivery,
  deliveryId,
  isDeliveryId,
  listDeliveries,
  MAX_ROWS,
  readDelivery,
} from "./delivery.ts";
import type { WebhookEvent } from "./event.ts";
import type { WebhookEvents } from "./events.ts";
import { webhookKey, webhookTurnKey } from "./kv_keys.ts";
import { formOf, receiverUrl } from "./target.ts";
import {
  checkedChoice,
  type Webhook,
  type WebhookChoice,
  type WebhookRow,
  type WebhookTarget,
} from "./webhook.ts";
import {
  MAX_WEBHOOKS,
  type WebhookRef,
  type WebhookRows,
} from "./webhook_rows.ts";

export interface WebhooksDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly limits: RateLimiter;
  readonly rows: WebhookRows;
  readonly deliveries: WebhookDeliveries;
  readonly events: WebhookEvents;
  /** Origins of receivers that need not be public https servers. */
  readonly allowedOrigins: readonly string[];
}

/** A webhook to be made. */
export interface NewWebhook extends WebhookChoice {
  readonly url: string;
  /** Key of the signatures; undefined: bodies are not signed. */
  readonly secret: string | undefined;
}

/** What is to be changed of a webhook; what is absent stays. */
export interface WebhookChange extends Partial<NewWebhook> {
  /** Switches it on or off. */
  readonly on?: boolean;
}

/** A page of deliveries, the newest first. */
export interface DeliveryPage {
  readonly deliveries: readonly Delivery[];
  /** Where the next page begins; undefined on the last one. */
  readonly cursor: string | undefined;
}

const MAX_SECRET = 256;

/** What an owner asks to be sent at once, by pressing a button. */
const ON_REQUEST: RateLimit = {
  name: "webhook tests",
  limit: 30,
  windowSeconds: 600,
};

const ATTEMPTS = 10;

/** What a test tells of. */
const SAMPLE = {
  kind: "push",
  digest:
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  size: 1_234,
  tags: [{ tag: "test" }],
} as const;

/** Manages webhooks. Every method acts for `did` and throws AppError `NOT_FOUND` for what is not theirs. */
export class Webhooks {
  readonly #deps: WebhooksDeps;

  constructor(deps: WebhooksDeps) {
    this.#deps = deps;
  }

  /** The webhooks of an account, the oldest first. */
  async list(did: Did): Promise<Webhook[]> {
    const { rows } = this.#deps;
    const all = await rows.list(did);
    return all.map(({ row, ...ref }) => rows.shown(ref, row))
      .sort((a, b) => a.createdAt - b.createdAt);
  }

  /** One webhook. */
  async get(ref: WebhookRef): Promise<Webhook> {
    const { rows } = this.#deps;
    return rows.shown(ref, await rows.require(ref));
  }

  /**
   * Makes a webhook. Throws AppError `INVALID_REQUEST`, and `DENIED` when the
   * account has too many.
   */
  async create(did: Did, wanted: NewWebhook): Promise<Webhook> {
    const { kv, clock, rows, events } = this.#deps;
    const ref = { did, id: crypto.randomUUID() };
    const { url, secret, ...choice } = wanted;
    const row: WebhookRow = {
      ...checkedChoice(choice),
      ...this.#aimed(ref, { url, secret }),
      createdAt: clock.now(),
      failures: 0,
    };
    const turn = webhookTurnKey(did);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const last = await kv.get<number>(turn);
      if ((await rows.list(did)).length >= MAX_WEBHOOKS) {
        throw new AppError(
          "DENIED",
          `You have ${MAX_WEBHOOKS} webhooks already. Delete one that you no longer need.`,
        );
      }
      const change = kv.atomic().check(turn, last?.versionstamp ?? null)
        .set(turn, row.createdAt)
        .set(webhookKey(did, ref.id), row);
      if (!await change.commit()) continue;
      events.made(did);
      return rows.shown(ref, row);
    }
    throw new AppError(
      "UNAVAILABLE",
      "Too many webhooks of this account are made at the same time; try again.",
      { retryAfterSeconds: 1 },
    );
  }

  /** Changes a webhook. Throws AppError `INVALID_REQUEST`. */
  async update(ref: WebhookRef, wanted: WebhookChange): Promise<Webhook> {
    const { rows, clock } = this.#deps;
    const { url, secret, on, ...choice } = wanted;
    const isAimed = url !== undefined || "secret" in wanted;
    const changed = await rows.change(ref, (row) => {
      const { off, ...rest } = row;
      const before = isAimed ? rows.target(ref, row) : undefined;
      const next: WebhookRow = {
        ...rest,
        ...checkedChoice({ ...row, ...choice }),
        ...(before && this.#aimed(ref, {
          url: url ?? before.url,
          secret: "secret" in wanted ? secret : before.secret,
        })),
      };
      if (on === true) return { ...next, failures: 0 };
      const byOwner = { at: clock.now(), reason: "You have disabled it." };
      if (on === false) return { ...next, off: off ?? byOwner };
      return off ? { ...next, off } : next;
    });
    return rows.shown(ref, changed);
  }

  /** Deletes a webhook with the log of its deliveries. */
  async remove(ref: WebhookRef): Promise<void> {
    const { kv, rows } = this.#deps;
    await rows.require(ref);
    const of = { did: ref.did, webhook: ref.id };
    // What comes in between expires by itself.
    const log = await listDeliveries(kv, of, { limit: 2 * MAX_ROWS });
    const change = kv.atomic().delete(webhookKey(ref.did, ref.id));
    for (const { key } of log) change.delete(key);
    await change.commit();
  }

  /**
   * Sends an invented push at once and returns what came of it. Throws
   * AppError `TOOMANYREQUESTS`.
   */
  async test(ref: WebhookRef, signal?: AbortSignal): Promise<Delivery> {
    const { clock, deliveries, events, rows } = this.#deps;
    const { form, repository = "example" } = await rows.require(ref);
    await this.#admit(ref.did);
    const event: WebhookEvent = {
      ...SAMPLE,
      tags: [...SAMPLE.tags],
      id: crypto.randomUUID(),
      did: ref.did,
      repo: repository,
      holdDid: ref.did,
      at: clock.now(),
    };
    const trigger = "push";
    const body = await events.bodyOf(form, event, trigger);
    const id = deliveryId(event.at, event.id);
    const row = await deliveries.sendNow(ref, id, { trigger, body }, signal);
    return { id, ...row };
  }

  /** The deliveries of a webhook. Throws AppError `INVALID_REQUEST` for a cursor that is none. */
  async deliveries(
    ref: WebhookRef,
    { cursor, limit }: {
      readonly cursor: string | undefined;
      /** 1 to 100. */
      readonly limit: number;
    },
  ): Promise<DeliveryPage> {
    const { kv, rows } = this.#deps;
    if (cursor !== undefined && !isDeliveryId(cursor)) {
      throw new AppError(
        "INVALID_REQUEST",
        "The cursor is not one of this list; begin without one.",
      );
    }
    await rows.require(ref);
    const of = { did: ref.did, webhook: ref.id };
    const page = { after: cursor, limit: limit + 1 };
    const entries = await listDeliveries(kv, of, page);
    const deliveries = entries.slice(0, limit).map(({ key, value }) => ({
      ...value,
      id: String(key.at(-1)),
    }));
    const hasMore = entries.length > limit;
    return { deliveries, cursor: hasMore ? deliveries.at(-1)?.id : undefined };
  }

  /** One delivery. */
  async delivery(ref: WebhookRef, id: string): Promise<Delivery> {
    const { kv, rows } = this.#deps;
    await rows.require(ref);
    const entry = isDeliveryId(id)
      ? await readDelivery(kv, { did: ref.did, webhook: ref.id, id })
      : undefined;
    if (entry) return { ...entry.value, id };
    throw new AppError("NOT_FOUND", "This webhook has no such delivery.");
  }

  /**
   * Sends what was sent before once more, at once. Throws AppError
   * `TOOMANYREQUESTS`.
   */
  async redeliver(
    ref: WebhookRef,
    id: string,
    signal?: AbortSignal,
  ): Promise<Delivery> {
    const { clock, deliveries } = this.#deps;
    const { trigger, body } = await this.delivery(ref, id);
    await this.#admit(ref.did);
    const again = deliveryId(clock.now(), crypto.randomUUID());
    const what = { trigger, body };
    return {
      id: again,
      ...await deliveries.sendNow(ref, again, what, signal),
    };
  }

  /** Address, secret and form of a webhook as they are stored. */
  #aimed(
    ref: WebhookRef,
    { url: text, secret }: WebhookTarget,
  ): Pick<WebhookRow, "target" | "form"> {
    if (secret !== undefined && (secret === "" || secret.length > MAX_SECRET)) {
      throw new AppError(
        "INVALID_REQUEST",
        `The secret has 1 to ${MAX_SECRET} characters, or there is none.`,
      );
    }
    const url = receiverUrl(text, this.#deps.allowedOrigins);
    const target = this.#deps.rows.seal(ref, { url: url.href, secret });
    return { target, form: formOf(url) };
  }

  async #admit(did: Did): Promise<void> {
    const { allowed, retryAfterSeconds } = await this.#deps.limits.take(
      ON_REQUEST,
      did,
    );
    if (allowed) return;
    throw new AppError(
      "TOOMANYREQUESTS",
      "Too many tests of webhooks; wait a little.",
      { retryAfterSeconds },
    );
  }
}
