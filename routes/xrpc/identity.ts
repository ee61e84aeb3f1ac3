/**
 * `com.atproto.identity.resolveHandle` for the hold's own handle, and
 * `app.bsky.actor.*`, by which the hold looks like an account to apps.
 *
 * @module
 */

import type { Hono } from "@hono/hono";
import { isValidHandle } from "@atproto/syntax";
import { z } from "zod";
import type { Repo } from "../../lib/repo/repo.ts";
import type { AppEnv } from "../middleware.ts";
import { checked, parametersOf } from "./hold_request.ts";
import {
  fields,
  isAccount,
  mountQuery,
  type PdsAccount,
  refuse,
} from "./server_methods.ts";

/** What the identity methods need. */
export interface IdentityRoutesDeps {
  readonly account: PdsAccount;
  readonly repo: Repo;
  /** Origin under which the blobs of the hold are reached. */
  readonly baseUrl: string;
}

/** Actors of one `getProfiles` (its lexicon). */
const MAX_ACTORS = 25;

const PROFILE = "app.bsky.actor.profile";

const resolveHandle = z.object({
  handle: z.string().max(253).refine(isValidHandle, "must be a handle"),
});
const getProfile = z.object({ actor: fields.repo });
const getProfiles = z.object({
  actors: z.array(fields.repo).max(MAX_ACTORS),
});

const image = z.object({ ref: z.object({ $link: z.string() }) });
/** What is shown of the profile record; a broken member is left out. */
const profileRecord = z.object({
  displayName: z.string().optional().catch(undefined),
  description: z.string().optional().catch(undefined),
  avatar: image.optional().catch(undefined),
  banner: image.optional().catch(undefined),
  createdAt: z.string().optional().catch(undefined),
});

/** Serves the identity and profile methods below `/xrpc/`. */
export function mountIdentity(
  app: Hono<AppEnv>,
  deps: IdentityRoutesDeps,
): void {
  const { account } = deps;
  const isOurs = (actor: string) => isAccount(account, actor);

  mountQuery(app, "com.atproto.identity.resolveHandle", (c) => {
    const { handle } = parametersOf(c, resolveHandle);
    if (!isOurs(handle)) {
      refuse(`The handle ${handle} is not one of here.`, "HandleNotFound");
    }
    return c.json({ did: account.did });
  });
  mountQuery(app, "app.bsky.actor.getProfile", async (c) => {
    const { actor } = parametersOf(c, getProfile);
    if (!isOurs(actor)) refuse(`The account ${actor} is not here.`);
    return c.json(await profileView(deps));
  });
  mountQuery(app, "app.bsky.actor.getProfiles", async (c) => {
    const given = c.req.queries("actors");
    const actors = checked(getProfiles, { actors: given }, "query").actors;
    const profiles = actors.some(isOurs) ? [await profileView(deps)] : [];
    return c.json({ profiles });
  });
}

/** A `profileViewDetailed` of `app.bsky.actor.defs`. */
async function profileView({ account, repo, baseUrl }: IdentityRoutesDeps) {
  const record = await repo.getRecord(PROFILE, "self");
  const profile = profileRecord.parse(record?.value ?? {});
  const url = (blob: z.output<typeof image> | undefined) => {
    if (blob === undefined) return undefined;
    const at = new URL("/xrpc/com.atproto.sync.getBlob", baseUrl);
    at.searchParams.set("did", account.did);
    at.searchParams.set("cid", blob.ref.$link);
    return at.href;
  };
  return {
    did: account.did,
    handle: account.handle,
    displayName: profile.displayName,
    description: profile.description,
    avatar: url(profile.avatar),
    banner: url(profile.banner),
    createdAt: profile.createdAt,
    followersCount: 0,
    followsCount: 0,
    labels: [],
  };
}
