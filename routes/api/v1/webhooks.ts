/**
 * Webhooks of the signed-in account, as JSON for our own pages: each change
 * requires the CSRF token in the header `x-csrf-token`.
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import { z } from "zod";
import type { Did } from "../../../lib/did.ts";
import { AppError } from "../../../lib/errors.ts";
import type { Attempt, Delivery } from "../../../lib/webhooks/delivery.ts";
import { TRIGGERS, type Webhook } from "../../../lib/webhooks/webhook.ts";
import type { Webhooks } from "../../../lib/webhooks/webhooks.ts";
import type { Browsers } from "../../auth/browser.ts";
import type { AppEnv } from "../../middleware.ts";
import { readJson } from "../json_body.ts";

export interface WebhookApiDeps {
  webhooks: Webhooks;
  browsers: Browsers;
}

const NO_STORE = { "cache-control": "no-store" };
const ROOT = "/api/v1/webhooks";

const fields = {
  url: z.string(),
  /** Null for unsigned bodies. */
  secret: z.string().nullable(),
  triggers: z.array(z.enum(TRIGGERS)).max(TRIGGERS.length),
  /** Null for all repositories of the account. */
  repository: z.string().nullable(),
  /** Whether pushes without a tag are sent. */
  untagged: z.boolean(),
};

const newWebhook = z.strictObject({
  ...fields,
  secret: fields.secret.default(null),
  triggers: fields.triggers.default(["push"]),
  repository: fields.repository.default(null),
  untagged: fields.untagged.default(false),
});

const webhookChange = z.strictObject({ ...fields, enabled: z.boolean() })
  .partial();

const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(25),
  cursor: z.string().exactOptional(),
});

/** Serves `/api/v1/webhooks`. */
export function webhookApiRoutes(deps: WebhookApiDeps): Hono<AppEnv> {
  const { webhooks } = deps;
  const app = new Hono<AppEnv>();

  app.get(ROOT, async (c) => {
    const list = await webhooks.list(await reader(c, deps));
    return c.json({ webhooks: list.map(shown) }, 200, NO_STORE);
  });
  app.post(ROOT, async (c) => {
    const did = await changer(c, deps);
    const { secret, repository, ...wanted } = await readJson(c, newWebhook);
    const webhook = await webhooks.create(did, {
      ...wanted,
      secret: secret ?? undefined,
      repository: repository ?? undefined,
    });
    c.get("log").info("webhook made", { did, webhook: webhook.id });
    return c.json(shown(webhook), 201, NO_STORE);
  });
  app.get(`${ROOT}/:id`, async (c) => {
    const ref = { did: await reader(c, deps), id: c.req.param("id") };
    return c.json(shown(await webhooks.get(ref)), 200, NO_STORE);
  });
  app.patch(`${ROOT}/:id`, async (c) => {
    const ref = { did: await changer(c, deps), id: c.req.param("id") };
    const change = changeOf(await readJson(c, webhookChange));
    const webhook = await webhooks.update(ref, change);
    c.get("log").info("webhook changed", { did: ref.did, webhook: ref.id });
    return c.json(shown(webhook), 200, NO_STORE);
  });
  app.delete(`${ROOT}/:id`, async (c) => {
    const ref = { did: await changer(c, deps), id: c.req.param("id") };
    await webhooks.remove(ref);
    c.get("log").info("webhook deleted", { did: ref.did, webhook: ref.id });
    return c.body(null, 204);
  });
  app.route("/", deliveryRoutes(deps));
  return app;
}

/** The log of deliveries, and redelivery. */
function deliveryRoutes(deps: WebhookApiDeps): Hono<AppEnv> {
  const { webhooks } = deps;
  const app = new Hono<AppEnv>();
  app.post(`${ROOT}/:id/test`, async (c) => {
    const ref = { did: await changer(c, deps), id: c.req.param("id") };
    const delivery = await webhooks.test(ref, c.req.raw.signal);
    return c.json(shownWhole(delivery), 200, NO_STORE);
  });
  app.get(`${ROOT}/:id/deliveries`, async (c) => {
    const ref = { did: await reader(c, deps), id: c.req.param("id") };
    const query = pageQuery.safeParse(c.req.query());
    if (!query.success) {
      throw new AppError(
        "INVALID_REQUEST",
        "The limit must be a whole number from 1 to 100.",
      );
    }
    const { limit, cursor } = query.data;
    const page = await webhooks.deliveries(ref, { limit, cursor });
    const deliveries = page.deliveries.map(shownDelivery);
    return c.json({ deliveries, cursor: page.cursor ?? null }, 200, NO_STORE);
  });
  app.get(`${ROOT}/:id/deliveries/:delivery`, async (c) => {
    const ref = { did: await reader(c, deps), id: c.req.param("id") };
    const delivery = await webhooks.delivery(ref, c.req.param("delivery"));
    return c.json(shownWhole(delivery), 200, NO_STORE);
  });
  app.post(`${ROOT}/:id/deliveries/:delivery/redeliver`, async (c) => {
    const ref = { did: await changer(c, deps), id: c.req.param("id") };
    const id = c.req.param("delivery");
    const delivery = await webhooks.redeliver(ref, id, c.req.raw.signal);
    return c.json(shownWhole(delivery), 200, NO_STORE);
  });
  return app;
}

/** The account that reads. Throws AppError `UNAUTHORIZED`. */
async function reader(
  c: Context<AppEnv>,
  { browsers }: WebhookApiDeps,
): Promise<Did> {
  const browser = await browsers.current(c);
  if (browser) return browser.session.did;
  throw new AppError("UNAUTHORIZED", "Sign in first.");
}

/** The account that makes a change. Throws AppError `UNAUTHORIZED` or `DENIED`. */
async function changer(
  c: Context<AppEnv>,
  { browsers }: WebhookApiDeps,
): Promise<Did> {
  const token = c.req.header("x-csrf-token");
  const { session } = await browsers.requireChange(c, token);
  return session.did;
}

function changeOf(wanted: z.infer<typeof webhookChange>) {
  const { secret, repository, enabled, url, triggers, untagged } = wanted;
  return {
    ...(url === undefined ? {} : { url }),
    ...(triggers === undefined ? {} : { triggers }),
    ...(untagged === undefined ? {} : { untagged }),
    ...(secret === undefined ? {} : { secret: secret ?? undefined }),
    ...(repository === undefined
      ? {}
      : { repository: repository ?? undefined }),
    ...(enabled === undefined ? {} : { on: enabled }),
  };
}

function shown(webhook: Webhook) {
  const { id, url, form, triggers, repository, untagged, failures } = webhook;
  return {
    id,
    url,
    form,
    has_secret: webhook.hasSecret,
    triggers,
    repository: repository ?? null,
    untagged,
    created_at: time(webhook.createdAt),
    failures,
    enabled: webhook.off === undefined,
    disabled: webhook.off
      ? { at: time(webhook.off.at), reason: webhook.off.reason }
      : null,
  };
}

function shownDelivery(delivery: Delivery) {
  const { id, trigger, state, test = false } = delivery;
  const attempts = delivery.attempts.map(shownAttempt);
  return { id, trigger, test, at: time(delivery.at), state, attempts };
}

function shownWhole(delivery: Delivery) {
  return { ...shownDelivery(delivery), body: delivery.body };
}

function shownAttempt({ at, ms, status, error, response }: Attempt) {
  return {
    at: time(at),
    ms,
    status: status ?? null,
    error: error ?? null,
    response: response ?? null,
  };
}

function time(at: number): string {
  return new Date(at).toISOString();
}
