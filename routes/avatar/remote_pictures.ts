/**
 * Pictures of other sites, as texts on pages name them.
 *
 * @module
 */

import { Hono } from "@hono/hono";
import type { RemotePictures } from "../../lib/avatar/remote/remote_pictures.ts";
import { type AppEnv, surface } from "../middleware.ts";
import type { ClientAddress } from "../server/client_address.ts";

/** How long a browser keeps a picture, in seconds. */
const PICTURE_SECONDS = 3_600;

/** Path of a picture by its signed name. */
export function remotePicturePath(name: string): string {
  return `/pictures/${name}`;
}

/** Serves `/pictures/{signature}/{url in base64url}`. */
export function remotePictureRoutes(
  remote: RemotePictures,
  addressOf: ClientAddress,
): Hono<AppEnv> {
  return new Hono<AppEnv>().get(
    "/pictures/:signature/:url",
    surface("avatar"),
    async (c) => {
      const { signature, url } = c.req.param();
      const { bytes, contentType } = await remote.get(
        signature,
        url,
        addressOf(c),
      );
      return c.body(bytes, 200, {
        "content-type": contentType,
        "cache-control": `public, max-age=${PICTURE_SECONDS}`,
        "content-security-policy": "default-src 'none'; sandbox",
        "cross-origin-resource-policy": "same-origin",
      });
    },
  );
}
