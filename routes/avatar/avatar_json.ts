/**
 * Description of an account's pictures as JSON.
 *
 * @module
 */

import type { Context } from "@hono/hono";
import type { AccountPicture } from "../../lib/avatar/describe.ts";
import type { AvatarService } from "../../lib/avatar/service.ts";
import { setCors } from "../cors.ts";
import { etagOf, matches } from "../etag.ts";
import type { AppEnv } from "../middleware.ts";

/** Serves `/{identifier}.json`. */
export async function avatarJson(
  c: Context<AppEnv>,
  service: AvatarService,
  identifier: string,
  client: string,
): Promise<Response> {
  const account = await service.describe(identifier, client);
  const { avatar, banner } = account;
  const body = JSON.stringify({
    did: account.did,
    handle: account.handle ?? null,
    checkedAt: new Date(account.checkedAt).toISOString(),
    stale: account.freshness === "stale",
    // Facts of the avatar, the most requested picture, are at the top level as well.
    cid: avatar?.cid ?? null,
    source: avatar?.source ?? null,
    variants: avatar?.variants.map(({ url }) => url) ?? [],
    avatar: avatar ? shaped(avatar) : null,
    banner: banner ? shaped(banner) : null,
  });
  const etag = etagOf(body);
  setCors((name, value) => c.header(name, value));
  c.header("etag", etag);
  c.header("cache-control", "no-cache");
  if (matches(c.req.header("if-none-match"), etag)) return c.body(null, 304);
  return c.body(body, 200, { "content-type": "application/json" });
}

function shaped(picture: AccountPicture) {
  return {
    cid: picture.cid,
    source: picture.source,
    original: picture.original ?? null,
    variants: picture.variants.map(({ createdAt, ...variant }) => ({
      ...variant,
      createdAt: new Date(createdAt).toISOString(),
    })),
  };
}
