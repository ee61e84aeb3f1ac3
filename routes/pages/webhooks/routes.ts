/**
 * Serves the pages of webhooks.
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import type { Clock } from "../../../lib/clock.ts";
import { AppError, isAppError } from "../../../lib/errors.ts";
import type { WebhookRef } from "../../../lib/webhooks/webhook_rows.ts";
import type { Webhooks } from "../../../lib/webhooks/webhooks.ts";
import type { Browsers, SignedInBrowser } from "../../auth/browser.ts";
import { changing, signedIn } from "../../auth/signed_in.ts";
import type { AppEnv } from "../../middleware.ts";
import { webhooksUrl, webhookUrl } from "../urls.ts";
import {
  choiceOf,
  formOfWebhook,
  newWebhookForm,
  typedWebhook,
  type WebhookForm,
} from "./webhook_form.tsx";
import { webhookPage } from "./webhook_page.tsx";
import { webhooksPage } from "./webhooks_page.tsx";

export interface WebhookPagesDeps {
  browsers: Browsers;
  clock: Clock;
  webhooks: Webhooks;
}

const PAGE = 25;

/** Sentences about what was done, by what the address says. */
const DONE: Readonly<Record<string, string>> = {
  made: "The webhook is made. Send a test to see whether it arrives.",
  changed: "Saved.",
  sent: "Sent; the answer of the receiver is in the log below.",
  deleted: "The webhook is deleted.",
};

/** Serves `/settings/webhooks` and what is below it. */
export function webhookPageRoutes(deps: WebhookPagesDeps): Hono<AppEnv> {
  const { browsers, webhooks } = deps;
  const app = new Hono<AppEnv>();
  app.get(
    webhooksUrl(),
    signedIn(browsers, (c, browser) => showList(c, deps, browser, {})),
  );
  app.post(
    webhooksUrl(),
    changing(browsers, async (c, browser, sent) => {
      const { did } = browser.session;
      const form = typedWebhook(sent);
      try {
        const { id } = await webhooks.create(did, {
          ...choiceOf(form),
          url: form.url,
          secret: sent.get("secret") || undefined,
        });
        c.get("log").info("webhook made", { did, webhook: id });
        return c.redirect(webhookUrl(id, { done: "made" }), 303);
      } catch (error) {
        if (!isAppError(error)) throw error;
        c.status(error.spec.status as 400);
        return await showList(c, deps, browser, {
          form,
          problem: error.message,
        });
      }
    }),
  );
  app.get(
    `${webhooksUrl()}/:id`,
    signedIn(browsers, (c, browser) => showOne(c, deps, browser, {})),
  );
  app.post(
    `${webhooksUrl()}/:id`,
    changing(browsers, async (c, browser, sent) => {
      const ref = refOf(c, browser);
      try {
        const done = await change(deps, ref, sent, c.req.raw.signal);
        c.get("log").info("webhook changed", { ...ref, done });
        const to = done === "deleted"
          ? webhooksUrl({ done })
          : webhookUrl(ref.id, { done });
        return c.redirect(to, 303);
      } catch (error) {
        if (!isAppError(error) || error.code === "NOT_FOUND") throw error;
        c.status(error.spec.status as 400);
        const form = sent.get("do") === "change"
          ? typedWebhook(sent)
          : undefined;
        const problem = error.message;
        return await showOne(c, deps, browser, { form, problem });
      }
    }),
  );
  return app;
}

/** Does what a form asks for; returns what was done. */
async function change(
  { webhooks }: WebhookPagesDeps,
  ref: WebhookRef,
  sent: URLSearchParams,
  signal: AbortSignal,
): Promise<string> {
  switch (sent.get("do")) {
    case "test":
      await webhooks.test(ref, signal);
      return "sent";
    case "again":
      await webhooks.redeliver(ref, sent.get("delivery") ?? "", signal);
      return "sent";
    case "on":
    case "off":
      await webhooks.update(ref, { on: sent.get("do") === "on" });
      return "changed";
    case "change": {
      const form = typedWebhook(sent);
      const secret = sent.get("secret") ?? "";
      await webhooks.update(ref, {
        ...choiceOf(form),
        ...(form.url === "" ? {} : { url: form.url }),
        ...(secret === "" ? {} : { secret }),
      });
      return "changed";
    }
    case "delete":
      await webhooks.remove(ref);
      return "deleted";
  }
  throw new AppError("INVALID_REQUEST", "Nothing was asked for.");
}

async function showList(
  c: Context<AppEnv>,
  { browsers, webhooks, clock }: WebhookPagesDeps,
  browser: SignedInBrowser,
  { form, problem }: { form?: WebhookForm; problem?: string },
): Promise<Response> {
  const repository = c.req.query("repository")?.slice(0, 256) || undefined;
  const all = await webhooks.list(browser.session.did);
  const shown = all.filter((one) =>
    repository === undefined || one.repository === undefined ||
    one.repository === repository
  );
  return c.html(webhooksPage({
    ...{ repository, problem, webhooks: shown },
    visitor: await browsers.visitor(c, browser),
    csrf: browser.csrf,
    form: form ?? newWebhookForm(repository ?? ""),
    done: DONE[c.req.query("done") ?? ""],
    now: clock.now(),
  }));
}

async function showOne(
  c: Context<AppEnv>,
  { browsers, webhooks, clock }: WebhookPagesDeps,
  browser: SignedInBrowser,
  { form, problem }: { form?: WebhookForm | undefined; problem?: string },
): Promise<Response> {
  const ref = refOf(c, browser);
  const webhook = await webhooks.get(ref);
  const cursor = c.req.query("cursor");
  return c.html(webhookPage({
    ...{ webhook, problem },
    visitor: await browsers.visitor(c, browser),
    csrf: browser.csrf,
    form: form ?? formOfWebhook(webhook),
    page: await webhooks.deliveries(ref, { cursor, limit: PAGE }),
    done: problem === undefined ? DONE[c.req.query("done") ?? ""] : undefined,
    now: clock.now(),
  }));
}

function refOf(c: Context<AppEnv>, { session }: SignedInBrowser): WebhookRef {
  return { did: session.did, id: c.req.param("id") ?? "" };
}
