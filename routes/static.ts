/**
 * Files of the folder `static/`, cached in memory: they are few and small.
 *
 * @module
 */

import { Hono } from "@hono/hono";
import { AppError } from "../lib/errors.ts";
import type { StyleSheet } from "../lib/install/style_sheet.ts";
import { quote } from "../lib/text.ts";
import type { AppEnv } from "./middleware.ts";

const TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  speculationrules: "application/speculationrules+json",
  svg: "image/svg+xml",
  woff2: "font/woff2",
};

/** Names with a content hash may be cached permanently. */
const HASHED = /-[0-9A-Z]{8}\.[a-z0-9]+$/;

/** File systems refuse names longer than 255 bytes with a different error. */
const NAME = /^(?:build\/)?[A-Za-z0-9_.-]{1,200}$/;

/** Serves `/static/…` from the folder at `root`, and the style sheet that was made of its files. */
export function staticRoutes(root: URL, style?: StyleSheet): Hono<AppEnv> {
  const kept = new Map<string, Uint8Array<ArrayBuffer>>();
  if (style) {
    const name = style.path.slice("/static/".length);
    kept.set(name, new TextEncoder().encode(style.text));
  }
  return new Hono<AppEnv>().get("/static/*", async (c) => {
    const name = c.req.path.slice("/static/".length);
    const type = TYPES[name.slice(name.lastIndexOf(".") + 1)];
    if (!NAME.test(name) || name.includes("..") || type === undefined) {
      throw notFound(name);
    }
    let bytes = kept.get(name);
    if (!bytes) {
      try {
        bytes = await Deno.readFile(new URL(name, root));
      } catch (cause) {
        // Without permission to read the folder, pages are served without these files.
        const missing = cause instanceof Deno.errors.NotFound ||
          cause instanceof Deno.errors.NotCapable;
        if (missing) throw notFound(name);
        throw cause;
      }
      kept.set(name, bytes);
    }
    return c.body(bytes, 200, {
      "content-type": type,
      "cache-control": HASHED.test(name)
        ? "public, max-age=31536000, immutable"
        : "public, max-age=300",
    });
  });
}

function notFound(name: string): AppError {
  return new AppError("NOT_FOUND", `There is no file ${quote(name)}.`);
}
