/**
 * Serves what an account stores, and the crews that it is in.
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import type { Did } from "../../../lib/did.ts";
import { AppError, isAppError } from "../../../lib/errors.ts";
import type { StorageUse } from "../../../lib/hold_api/hold_member.ts";
import { withinTime } from "../../../lib/async/within_time.ts";
import type { SignedInBrowser } from "../../auth/browser.ts";
import { changing, signedIn } from "../../auth/signed_in.ts";
import type { AppEnv } from "../../middleware.ts";
import { holdName, holdOfText } from "../parts/hold_name.ts";
import { MAX_HOLDS, resolver, type SettingsPagesDeps } from "./deps.ts";
import { type HoldPlace, storagePage } from "./storage_page.tsx";

/** How long a page waits for holds, in milliseconds. */
const PATIENCE_MS = 3_000;

/** Serves `/settings/storage`. */
export function storageRoutes(deps: SettingsPagesDeps): Hono<AppEnv> {
  const { browsers, members } = deps;
  const app = new Hono<AppEnv>();
  app.get(
    "/settings/storage",
    signedIn(browsers, (c, browser) => show(c, deps, browser, {})),
  );
  app.post(
    "/settings/storage/join",
    changing(browsers, async (c, browser, form) => {
      const { did } = browser.session;
      const typed = (form.get("hold") ?? "").trim();
      try {
        const hold = await holdOfText(resolver(deps), typed);
        await (await members.get(hold)).join(did);
        c.get("log").info("crew joined", { did, hold });
        return c.redirect("/settings/storage?done=joined", 303);
      } catch (error) {
        if (!isAppError(error)) throw error;
        c.status(error.spec.status as 400);
        const problem = error.message;
        return await show(c, deps, browser, { problem, typed });
      }
    }),
  );
  app.post(
    "/settings/storage/leave",
    changing(browsers, async (c, browser, form) => {
      const { did } = browser.session;
      try {
        const hold = await holdOfText(resolver(deps), form.get("hold") ?? "");
        const { near } = await members.get(hold);
        if (!near) {
          throw new AppError(
            "UNSUPPORTED",
            "This hold lets nobody out by itself: ask its captain, or delete what it has recorded about you, which ends the membership as well.",
          );
        }
        await near.leave(did);
        c.get("log").info("crew left", { did, hold });
        return c.redirect("/settings/storage?done=left", 303);
      } catch (error) {
        if (!isAppError(error)) throw error;
        c.status(error.spec.status as 400);
        return await show(c, deps, browser, { problem: error.message });
      }
    }),
  );
  return app;
}

const DONE: Readonly<Record<string, string>> = {
  joined: "You are crew now.",
  left: "You have left the crew.",
};

async function show(
  c: Context<AppEnv>,
  deps: SettingsPagesDeps,
  browser: SignedInBrowser,
  { problem, typed = "" }: { problem?: string; typed?: string },
): Promise<Response> {
  return c.html(storagePage({
    ...{ problem, typed },
    done: DONE[c.req.query("done") ?? ""],
    visitor: await deps.browsers.visitor(c, browser),
    csrf: browser.csrf,
    places: await placesOf(deps, browser.session.did),
    now: deps.clock.now(),
  }));
}

/** The holds that an account has to do with: where pushes go, its crews, its own. */
async function placesOf(
  deps: SettingsPagesDeps,
  did: Did,
): Promise<HoldPlace[]> {
  const page = { limit: MAX_HOLDS };
  const [held, crews, pushesTo] = await Promise.all([
    deps.holds.heldBy(did, page),
    deps.holds.crewOf(did, page),
    pushHold(deps, did),
  ]);
  const captainOf = new Set(held.items.map((hold) => hold.did));
  const crewOf = new Map(crews.items.map(({ hold, crew }) => [hold, crew]));
  const all = new Set([pushesTo, ...captainOf, ...crewOf.keys()]);
  const resolve = resolver(deps);
  return await Promise.all([...all].map(async (hold): Promise<HoldPlace> => ({
    did: hold,
    name: await holdName(resolve, hold),
    takesPushes: hold === pushesTo,
    isCaptain: captainOf.has(hold),
    crew: crewOf.get(hold),
    mayLeave: deps.members.own?.did === hold,
    use: await useOf(deps, hold, did),
  })));
}

/** Where pushes go; the registry's choice while the PDS does not answer. */
async function pushHold(
  { sailorSettings, owners, defaultHold }: SettingsPagesDeps,
  did: Did,
): Promise<Did> {
  try {
    const profile = await sailorSettings.read(await owners.resolve(did));
    return profile.defaultHold ?? defaultHold;
  } catch (error) {
    if (isAppError(error)) return defaultHold;
    throw error;
  }
}

/** What the account stores at a hold; undefined where the hold does not say so soon. */
async function useOf(
  { members, clock }: SettingsPagesDeps,
  hold: Did,
  did: Did,
): Promise<StorageUse | undefined> {
  const use = async () => await (await members.get(hold)).storage(did);
  try {
    return await withinTime(clock, PATIENCE_MS, use());
  } catch (error) {
    if (isAppError(error)) return undefined;
    throw error;
  }
}
