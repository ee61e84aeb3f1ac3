/**
 * Sends pages and JSON by gzip.
 *
 * Compression gives secrets away where a page has one beside text that an
 * attacker chose: the length says whether the two are alike, and with enough
 * pages the secret is known (BREACH). Pages for a signed-in visitor have such
 * secrets: the token of their forms, names of private repositories. The attack
 * needs another site that makes the visitor's browser ask for pages. So what is
 * asked for with a cookie or a credential is compressed only if the browser says
 * that one of our own pages, or the visitor at the address bar, asks for a
 * document or a script's data: pictures in a description are asked for by our
 * pages as well, at an address that its author chose.
 *
 * @module
 */

import type { Context, MiddlewareHandler } from "@hono/hono";
import { codingFor, gzippedAnswer, MIN_BYTES } from "./encoding.ts";
import type { AppEnv } from "./middleware.ts";
import type { Surface } from "./render_error.ts";

/** Surfaces for people and scripts; clients of registries and holds get bytes as they are. */
const SURFACES: ReadonlySet<Surface> = new Set(["page", "api"]);

/** Types whose answers are made whole: none of them is a stream. */
const TYPES =
  /^(?:text\/html|application\/(?:json|xml|atom\+xml|opensearchdescription\+xml))(?:;|$)/;

const OWN_SITES: ReadonlySet<string> = new Set(["same-origin", "none"]);
const OWN_USES: ReadonlySet<string> = new Set(["document", "empty"]);

/** Compresses answers; to be used before the routes. */
export function compressAnswers(): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    await next();
    if (!SURFACES.has(c.get("surface") ?? "page")) return;
    const { headers, status } = c.res;
    if (!isCompressible(headers)) return;
    if (!/accept-encoding/i.test(headers.get("vary") ?? "")) {
      headers.append("vary", "Accept-Encoding");
    }
    if (status === 206 || !mayGiveAway(c)) return;
    if (codingFor(c, ["gzip"]) === undefined) return;
    const plain = new Uint8Array(await c.res.arrayBuffer());
    const isShort = plain.byteLength < MIN_BYTES;
    const body = isShort ? plain : gzippedAnswer(plain);
    const sent = new Headers(headers);
    if (!isShort) sent.set("content-encoding", "gzip");
    sent.delete("content-length");
    // Assigned twice: the framework would merge in the headers of the first.
    c.res = undefined;
    c.res = new Response(body, { status, headers: sent });
  };
}

/** Whether the answer is text as a whole whose entity tag, if any, does not stand for its bytes. */
function isCompressible(headers: Headers): boolean {
  if (!TYPES.test(headers.get("content-type") ?? "")) return false;
  if (headers.has("content-encoding")) return false;
  const etag = headers.get("etag");
  return etag === null || etag.startsWith("W/");
}

/** Whether the length of the answer may become known; see the top of the file. */
function mayGiveAway(c: Context<AppEnv>): boolean {
  const isPersonal = c.req.header("cookie") !== undefined ||
    c.req.header("authorization") !== undefined;
  if (!isPersonal) return true;
  return OWN_SITES.has(c.req.header("sec-fetch-site") ?? "") &&
    OWN_USES.has(c.req.header("sec-fetch-dest") ?? "");
}
