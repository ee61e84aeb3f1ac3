/**
 * Serves stored pictures, with the headers of a public bucket, for stores that
 * are not public, or that the public cannot read now.
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import { IMMUTABLE, OBJECT_ROOT } from "../../lib/avatar/picture_keys.ts";
import type { AvatarService } from "../../lib/avatar/service.ts";
import { AppError } from "../../lib/errors.ts";
import { CORS_HEADERS } from "../cors.ts";
import { matches } from "../etag.ts";
import { type AppEnv, surface } from "../middleware.ts";
import { answerRead } from "./read_methods.ts";

/** Mounts `/avatars/{did}/…`. */
export function avatarObjects(service: AvatarService): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.all(
    `/${OBJECT_ROOT}/:did/:middle/:last`,
    surface("avatar"),
    (c) => {
      const { did, middle, last } = c.req.param();
      const key = `${OBJECT_ROOT}/${did}/${middle}/${last}`;
      return answerRead(c, () => object(c, service, key));
    },
  );
  return app;
}

async function object(
  c: Context<AppEnv>,
  service: AvatarService,
  key: string,
): Promise<Response> {
  const object = await service.objects.head(key);
  if (object === undefined) throw noPicture();
  const headers = {
    "content-type": object.contentType,
    "cache-control": IMMUTABLE,
    "etag": object.etag,
    ...CORS_HEADERS,
    "cross-origin-resource-policy": "cross-origin",
    // The original is untrusted: nothing in it may be executed.
    "content-security-policy": "default-src 'none'; sandbox",
    "x-content-type-options": "nosniff",
  };
  if (matches(c.req.header("if-none-match"), object.etag)) {
    return c.body(null, 304, headers);
  }
  const sized = { ...headers, "content-length": String(object.size) };
  if (c.req.method === "HEAD") return c.body(null, 200, sized);
  const body = await service.objects.open(key, c.req.raw.signal);
  if (body === undefined) throw noPicture();
  return c.body(body, 200, sized);
}

function noPicture(): AppError {
  return new AppError(
    "NOT_FOUND",
    "There is no such picture. Ask for it by /{handle or DID}.",
  );
}
