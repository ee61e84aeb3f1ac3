/**
 * Pictures of accounts over HTTP: a redirect to the stored picture, a
 * description as JSON, and the stored objects if the store is not public.
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import { parseQuery, readIdentifier } from "../../lib/avatar/parameters.ts";
import { assertAllowed } from "../../lib/avatar/admission.ts";
import type { PictureKind } from "../../lib/avatar/picture_rows.ts";
import type { AvatarService, FoundPicture } from "../../lib/avatar/service.ts";
import { isAppError } from "../../lib/errors.ts";
import { setCors } from "../cors.ts";
import { etagOf, matches } from "../etag.ts";
import { avatarJson } from "./avatar_json.ts";
import { avatarObjects } from "./avatar_objects.ts";
import { avatarPage } from "./avatar_page.tsx";
import { answerRead } from "./read_methods.ts";
import type { ClientAddress } from "../server/client_address.ts";
import { type AppEnv, surface } from "../middleware.ts";

/** Options of the routes. */
export interface AvatarRoutesOptions {
  /** Path of the page about the service: `/` unless it is used otherwise. */
  readonly indexPath: string;
  /** The subject that new work is counted for. */
  readonly addressOf: ClientAddress;
}

/** How long a placeholder is cached, in seconds: the account may get a picture. */
const PLACEHOLDER_SECONDS = 60;

/**
 * Mounts the avatar service: `/{identifier}`, `/{identifier}/banner`,
 * `/{identifier}.json` and the page at `indexPath`. Identifiers are DIDs and
 * names with a dot, in any spelling of {@linkcode readIdentifier}; all other
 * paths are left to the next routes.
 */
export function avatarRoutes(
  service: AvatarService,
  options: AvatarRoutesOptions,
): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  const ours = surface("avatar");
  app.all(
    options.indexPath,
    ours,
    (c) => answerRead(c, () => avatarPage(c, service)),
  );
  app.route("/", avatarObjects(service));
  for (const path of ["/:identifier", "/:identifier/"]) {
    app.all(path, ours, async (c, next) => {
      const name = c.req.param("identifier") ?? "";
      const wantsJson = name.endsWith(".json");
      const identifier = readIdentifier(wantsJson ? name.slice(0, -5) : name);
      if (identifier === undefined) return await next();
      const client = options.addressOf(c);
      return await answerRead(
        c,
        () =>
          wantsJson
            ? avatarJson(c, service, identifier, client)
            : picture(c, service, identifier, "avatar", client),
      );
    });
  }
  for (const path of ["/:identifier/banner", "/:identifier/banner/"]) {
    app.all(path, ours, async (c, next) => {
      const identifier = readIdentifier(c.req.param("identifier") ?? "");
      if (identifier === undefined) return await next();
      const client = options.addressOf(c);
      return await answerRead(
        c,
        () => picture(c, service, identifier, "banner", client),
      );
    });
  }
  return app;
}

/** Redirects to the picture, or returns the requested fallback. */
async function picture(
  c: Context<AppEnv>,
  service: AvatarService,
  identifier: string,
  kind: PictureKind,
  client: string,
): Promise<Response> {
  const url = new URL(c.req.url);
  const { options } = service;
  const query = parseQuery(url.searchParams, c.req.header("accept"), {
    maxSide: options.limits.maxSide,
    fallbackHosts: options.fallbackHosts,
  });
  assertAllowed(query, url, options);
  if (query.negotiated) c.header("vary", "accept");
  setCors((name, value) => c.header(name, value));
  c.header("cross-origin-resource-policy", "cross-origin");
  let found: FoundPicture;
  try {
    found = await service.picture(identifier, kind, query, client);
  } catch (error) {
    const { fallback } = query;
    if (fallback.kind === "none" || !isHopeless(error)) throw error;
    c.header("x-cache", "fallback");
    if (fallback.kind === "redirect") return redirect(c, fallback.url.href);
    const { bytes, contentType } = await service.placeholder(
      fallback.kind,
      identifier,
      query,
      client,
    );
    const etag = etagOf(bytes);
    const headers = {
      etag,
      "cache-control": `public, max-age=${PLACEHOLDER_SECONDS}`,
      "content-security-policy": "default-src 'none'; sandbox",
    };
    if (matches(c.req.header("if-none-match"), etag)) {
      return c.body(null, 304, headers);
    }
    return c.body(bytes, 200, { ...headers, "content-type": contentType });
  }
  // No Cache-Control: browsers then request it each time and see a new picture at once.
  c.header("x-cache", found.cache);
  return redirect(c, found.location);
}

/** Returns a redirect with a length, to avoid chunked encoding. */
function redirect(c: Context<AppEnv>, location: string): Response {
  return c.body(null, 302, { location, "content-length": "0" });
}

/** Whether a picture is unavailable, so that the fallback is returned. */
function isHopeless(error: unknown): boolean {
  return isAppError(
    error,
    "NAME_UNKNOWN",
    "NOT_FOUND",
    "UNPROCESSABLE",
    "UNSUPPORTED_MEDIA_TYPE",
    "UPSTREAM_FAILED",
    "UPSTREAM_TIMEOUT",
  );
}
