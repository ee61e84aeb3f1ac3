/**
 * Serves the settings that an account keeps in its repo.
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import type { SailorProfile } from "../../../lib/atproto/records/records.ts";
import type { Did } from "../../../lib/did.ts";
import { AppError, isAppError } from "../../../lib/errors.ts";
import type { SignedInBrowser } from "../../auth/browser.ts";
import { changing, signedIn } from "../../auth/signed_in.ts";
import type { AppEnv } from "../../middleware.ts";
import { frameOf, keepChoices, PREFERRED_CLIENTS } from "../frame/frame.ts";
import { holdName, holdOfText } from "../parts/hold_name.ts";
import {
  MAX_HOLDS,
  requireSession,
  resolver,
  type SettingsPagesDeps,
} from "./deps.ts";
import {
  type HoldChoice,
  type RegistryForm,
  registryForm,
  registrySettingsPage,
} from "./registry_page.tsx";

/** Serves `/settings`. */
export function registrySettingsRoutes(deps: SettingsPagesDeps): Hono<AppEnv> {
  const { browsers, owners, sailorSettings, members } = deps;
  const app = new Hono<AppEnv>();
  app.get(
    "/settings",
    signedIn(browsers, async (c, browser) => {
      const { did } = browser.session;
      const own = {
        hasShortcuts: frameOf(c).hasShortcuts,
        isPosted: await members.own?.near?.isPosted(did),
      };
      try {
        const profile = await sailorSettings.read(await owners.resolve(did));
        const form = registryForm(profile, own);
        const done = c.req.query("saved") === "yes" ? "Saved." : undefined;
        return await show(c, deps, browser, { form, done });
      } catch (error) {
        if (!isAppError(error)) throw error;
        throw new AppError(
          "UNAVAILABLE",
          "Your PDS does not answer at the moment, and your settings are kept there. Try again in a minute.",
          { cause: error, retryAfterSeconds: 60 },
        );
      }
    }),
  );
  app.post(
    "/settings",
    changing(browsers, async (c, browser, sent) => {
      const { did } = browser.session;
      const form = typedForm(deps, sent);
      try {
        const profile = await profileOf(deps, form);
        const session = await requireSession(deps, did);
        await sailorSettings.write(session, profile);
        if (form.isPosted !== undefined) {
          await members.own?.near?.setPosted(did, form.isPosted);
        }
        keepChoices(c, choicesOf(form), deps.isSecure);
        c.get("log").info("settings changed", { did });
        return c.redirect("/settings?saved=yes", 303);
      } catch (error) {
        if (!isAppError(error)) throw error;
        c.status(error.spec.status as 400);
        return await show(c, deps, browser, { form, problem: error.message });
      }
    }),
  );
  return app;
}

async function show(
  c: Context<AppEnv>,
  deps: SettingsPagesDeps,
  browser: SignedInBrowser,
  { form, problem, done }: {
    form: RegistryForm;
    problem?: string;
    done?: string | undefined;
  },
): Promise<Response> {
  const resolve = resolver(deps);
  return c.html(registrySettingsPage({
    ...{ form, problem, done },
    visitor: await deps.browsers.visitor(c, browser),
    csrf: browser.csrf,
    holds: await holdChoices(deps, browser.session.did),
    usual: await holdName(resolve, deps.defaultHold),
    domains: deps.domains,
  }));
}

/** Holds that an account has to do with, as far as that is known here, and the registry's choice. */
export async function holdChoices(
  deps: SettingsPagesDeps,
  did: Did,
): Promise<HoldChoice[]> {
  const page = { limit: MAX_HOLDS };
  const [held, crews] = await Promise.all([
    deps.holds.heldBy(did, page),
    deps.holds.crewOf(did, page),
  ]);
  const dids = new Set([
    deps.defaultHold,
    ...held.items.map((hold) => hold.did),
    ...crews.items.map(({ hold }) => hold),
  ]);
  const resolve = resolver(deps);
  return await Promise.all([...dids].map(async (hold) => ({
    did: hold,
    name: await holdName(resolve, hold),
  })));
}

function typedForm(
  { members }: SettingsPagesDeps,
  sent: URLSearchParams,
): RegistryForm {
  const text = (name: string) => (sent.get(name) ?? "").trim();
  const client = PREFERRED_CLIENTS.find((one) => one === text("client"));
  return {
    hold: text("hold"),
    other: text("other"),
    client: client ?? "docker",
    domain: text("domain"),
    removesUntagged: text("untagged") === "yes",
    hasShortcuts: text("shortcuts") === "on",
    isPosted: members.own?.near ? text("posted") === "yes" : undefined,
  };
}

/** The record that a form asks for. Throws AppError `INVALID_REQUEST` where it names no hold. */
async function profileOf(
  deps: SettingsPagesDeps,
  form: RegistryForm,
): Promise<SailorProfile> {
  const [first] = deps.domains;
  const isOurs = deps.domains.includes(form.domain) && form.domain !== first;
  return {
    defaultHold: await chosenHold(deps, form),
    autoRemoveUntagged: form.removesUntagged,
    client: form.client === "docker" ? undefined : form.client,
    registryDomain: isOurs ? form.domain : undefined,
  };
}

async function chosenHold(
  deps: SettingsPagesDeps,
  { hold, other }: RegistryForm,
): Promise<Did | undefined> {
  if (hold === "") return undefined;
  const text = hold === "other" ? other : hold;
  const did = await holdOfText(resolver(deps), text);
  if ((await deps.holds.get(did))?.facts) return did;
  try {
    await (await deps.members.get(did)).storage(did);
    return did;
  } catch (cause) {
    if (!isAppError(cause)) throw cause;
    throw new AppError(
      "INVALID_REQUEST",
      `There is no hold at ${text}, or it does not answer now. Check its name, or try again later.`,
      { cause },
    );
  }
}

/** What the browser keeps of a form. */
function choicesOf(form: RegistryForm): URLSearchParams {
  return new URLSearchParams({
    client: form.client,
    domain: form.domain,
    shortcuts: form.hasShortcuts ? "on" : "off",
  });
}
