/**
 * Serves the export and the deletion of what is kept about an account.
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import { type Did, parseDid } from "../../../lib/did.ts";
import type { AccountData } from "../../../lib/registry/account/account_data.ts";
import type { SignedInBrowser } from "../../auth/browser.ts";
import { changing, signedIn } from "../../auth/signed_in.ts";
import type { AppEnv } from "../../middleware.ts";
import { dataPage, type DeletionForm } from "./data_page.tsx";
import type { SettingsPagesDeps } from "./deps.ts";
import { holdChoices } from "./registry_settings.ts";

export interface DataPagesDeps extends SettingsPagesDeps {
  accountData: AccountData;
}

const NOTHING: DeletionForm = { registry: false, holds: [], name: "" };

/** Serves `/settings/data`. */
export function dataRoutes(deps: DataPagesDeps): Hono<AppEnv> {
  const { browsers, accountData } = deps;
  const app = new Hono<AppEnv>();
  app.get(
    "/settings/data",
    signedIn(browsers, (c, browser) => show(c, deps, browser, {})),
  );
  app.post(
    "/settings/data/export",
    changing(browsers, async (c, { session: { did } }) => {
      const holds = (await holdChoices(deps, did)).map((hold) => hold.did);
      c.get("log").info("data exported", { did });
      const day = new Date(deps.clock.now()).toISOString().slice(0, 10);
      c.header(
        "content-disposition",
        `attachment; filename="registry-data-${day}.json"`,
      );
      c.header("content-type", "application/json");
      const pieces = ReadableStream.from(accountData.export(did, holds));
      return c.body(pieces.pipeThrough(new TextEncoderStream()));
    }),
  );
  app.post(
    "/settings/data/delete",
    changing(browsers, async (c, browser, sent) => {
      const { did } = browser.session;
      const form: DeletionForm = {
        registry: sent.get("registry") === "yes",
        holds: sent.getAll("hold"),
        name: sent.get("confirm") ?? "",
      };
      const problem = await problemOf(c, deps, browser, form);
      if (problem !== undefined) {
        c.status(400);
        return await show(c, deps, browser, { form, problem });
      }
      const known = await holdChoices(deps, did);
      const refused = await accountData.delete(did, {
        registry: form.registry,
        holds: form.holds.flatMap((text) => {
          const hold = parseDid(text);
          return known.some((one) => one.did === hold) && hold ? [hold] : [];
        }),
      });
      const isWhole = refused.size === 0;
      c.get("log").info("data deleted", { did, ...form, isWhole });
      if (!isWhole) {
        c.status(502);
        return await show(c, deps, browser, { form, refused });
      }
      if (!form.registry) return c.redirect("/settings/data?done=yes", 303);
      browsers.clearSession(c);
      return c.redirect("/", 303);
    }),
  );
  return app;
}

/** What is wrong with a form; undefined when nothing is. */
async function problemOf(
  c: Context<AppEnv>,
  { browsers }: DataPagesDeps,
  browser: SignedInBrowser,
  { registry, holds, name }: DeletionForm,
): Promise<string | undefined> {
  const { account } = await browsers.visitor(c, browser);
  if (!registry && holds.length === 0) {
    return "Choose what is to be deleted. Nothing was deleted.";
  }
  const typed = name.trim().replace(/^@/, "").toLowerCase();
  return typed === account?.name.toLowerCase()
    ? undefined
    : `Type ${account?.name} to confirm. Nothing was deleted.`;
}

async function show(
  c: Context<AppEnv>,
  deps: DataPagesDeps,
  browser: SignedInBrowser,
  { form = NOTHING, problem, refused = new Map() }: {
    form?: DeletionForm;
    problem?: string;
    refused?: ReadonlyMap<Did, string>;
  },
): Promise<Response> {
  const visitor = await deps.browsers.visitor(c, browser);
  return c.html(dataPage({
    ...{ visitor, form, problem, refused },
    csrf: browser.csrf,
    name: visitor.account?.name ?? browser.session.did,
    holds: await holdChoices(deps, browser.session.did),
    done: c.req.query("done") === "yes" ? "It is deleted." : undefined,
  }));
}
