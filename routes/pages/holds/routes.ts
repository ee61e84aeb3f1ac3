/**
 * Serves the pages of holds.
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import { withinTime } from "../../../lib/async/within_time.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { Did } from "../../../lib/did.ts";
import { AppError, isAppError } from "../../../lib/errors.ts";
import type { CrewSize } from "../../../lib/hold_api/hold_member.ts";
import type { StorageGrowth } from "../../../lib/index/counts/storage_growth.ts";
import type { Holds, KnownHold } from "../../../lib/index/holds/holds.ts";
import type { HoldMembers } from "../../../lib/registry/hold_members.ts";
import type { Owners } from "../../../lib/registry/owners/owners.ts";
import type { Browsers } from "../../auth/browser.ts";
import type { AppEnv } from "../../middleware.ts";
import { holdName, holdOfText } from "../parts/hold_name.ts";
import { holdUrl } from "../urls.ts";
import { holdPage } from "./hold_page.tsx";
import { holdsPage, type ListedHold } from "./holds_page.tsx";

export interface HoldPagesDeps {
  browsers: Browsers;
  clock: Clock;
  holds: Holds;
  members: HoldMembers;
  owners: Pick<Owners, "resolve">;
  /** What holds store, day by day. */
  storage: Pick<StorageGrowth, "daily">;
  /** Counts a lookup without login at another server. Throws AppError `TOOMANYREQUESTS`. */
  admitLookUp: (c: Context<AppEnv>) => Promise<void>;
}

/** How long a page waits for another server, in milliseconds. */
const PATIENCE_MS = 3_000;

const PAGE = 50;

/** Crews of a visitor that are looked through. */
const MAX_CREWS = 100;

/** Serves `/h` and `/h/…`. */
export function holdPageRoutes(deps: HoldPagesDeps): Hono<AppEnv> {
  const { browsers, holds, clock } = deps;
  const app = new Hono<AppEnv>();
  app.get("/h", async (c) => {
    c.header("cache-control", "private, no-cache");
    const cursor = c.req.query("cursor");
    const page = await holds.list({ limit: PAGE, cursor });
    const browser = await browsers.current(c);
    return c.html(holdsPage({
      visitor: await browsers.visitor(c, browser),
      holds: await Promise.all(page.items.map((hold) => listed(deps, hold))),
      cursor: page.cursor,
      now: clock.now(),
    }));
  });
  app.get("/h/:hold", async (c) => {
    c.header("cache-control", "private, no-cache");
    const text = c.req.param("hold");
    const hold = await known(deps, c, text);
    const isCanonical = text === hold.did;
    if (!isCanonical) return c.redirect(holdUrl(hold.did), 302);
    return c.html(await page(deps, c, hold));
  });
  return app;
}

/** The hold that a path names. Throws AppError `NOT_FOUND` when none of that name is known. */
async function known(
  deps: HoldPagesDeps,
  c: Context<AppEnv>,
  text: string,
): Promise<KnownHold> {
  const resolve = async (identifier: string) =>
    await deps.owners.resolve(identifier, {
      beforeAsking: () => deps.admitLookUp(c),
    });
  const hold = await holdOfText(resolve, text).catch((cause) => {
    if (!isAppError(cause, "INVALID_REQUEST")) throw cause;
    throw new AppError("NOT_FOUND", cause.message, { cause });
  });
  const found = await deps.holds.get(hold);
  if (found) return found;
  throw new AppError(
    "NOT_FOUND",
    `No hold ${text} is known here. Images and settings that name a hold make it known.`,
  );
}

async function page(
  deps: HoldPagesDeps,
  c: Context<AppEnv>,
  hold: KnownHold,
): Promise<string> {
  const { browsers, clock, members } = deps;
  const browser = await browsers.current(c);
  const { did, facts } = hold;
  const caller = browser?.session.did;
  const crew = caller && await membership(deps, caller, did);
  const isCaptain = caller !== undefined && facts?.owner === caller;
  const isMember = isCaptain || crew !== undefined;
  const isOurs = members.own?.did === did;
  return holdPage({
    visitor: await browsers.visitor(c, browser),
    hold,
    name: await name(deps, did),
    captain: facts && await name(deps, facts.owner),
    successor: facts?.successor && await name(deps, facts.successor),
    place: { isCaptain, crew },
    crewSize: isMember ? await crewSize(deps, did) : undefined,
    days: isMember && isOurs ? await deps.storage.daily(did) : [],
    now: clock.now(),
  });
}

/** Where an account is in the crew of a hold; undefined where it is not, as far as is known here. */
async function membership({ holds }: HoldPagesDeps, member: Did, hold: Did) {
  const page = await holds.crewOf(member, { limit: MAX_CREWS });
  return page.items.find((one) => one.hold === hold)?.crew;
}

async function crewSize(
  { members, clock }: HoldPagesDeps,
  hold: Did,
): Promise<CrewSize | undefined> {
  const size = async () => await (await members.get(hold)).crew();
  try {
    return await withinTime(clock, PATIENCE_MS, size());
  } catch (error) {
    if (isAppError(error)) return undefined;
    throw error;
  }
}

async function listed(
  deps: HoldPagesDeps,
  hold: KnownHold,
): Promise<ListedHold> {
  const { did, facts } = hold;
  return {
    hold,
    name: await name(deps, did),
    captain: facts && await name(deps, facts.owner),
    isOurs: deps.members.own?.did === did,
  };
}

/** The name of a hold or an account; its DID where it cannot be found out soon. */
async function name(
  { owners, clock }: HoldPagesDeps,
  did: Did,
): Promise<string> {
  const found = holdName((identifier) => owners.resolve(identifier), did);
  return await withinTime(clock, PATIENCE_MS, found) ?? did;
}
