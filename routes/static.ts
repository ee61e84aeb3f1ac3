/**
 * Files of the folder `static/`, cached in memory with their compressed forms:
 * they are few and small.
 *
 * @module
 */

import { Hono } from "@hono/hono";
import { AppError } from "../lib/errors.ts";
import { quote } from "../lib/text.ts";
import { type Coding, codingFor, encodedFile, MIN_BYTES } from "./encoding.ts";
import { etagOf, matches } from "./etag.ts";
import type { AppEnv } from "./middleware.ts";

const TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  png: "image/png",
  speculationrules: "application/speculationrules+json",
  svg: "image/svg+xml",
  webp: "image/webp",
  woff2: "font/woff2",
};

/** Names with a content hash may be cached permanently. */
const HASHED = /-[0-9A-Z]{8}\.[a-z0-9]+$/;

/** File systems refuse names longer than 255 bytes with a different error. */
const NAME = /^(?:build\/)?[A-Za-z0-9_.-]{1,200}$/;

/** Smaller ones first. */
const CODINGS: readonly Coding[] = ["br", "gzip"];

/** Formats that are compressed already. */
const PACKED: ReadonlySet<string> = new Set([
  ...["font/woff2", "image/png", "image/webp"],
]);

/** A file that was made at the start. */
export interface MadeFile {
  /** Below `/static/`. */
  readonly path: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

interface Form {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly etag: string;
  readonly coding?: Coding;
}

/** A file as it is sent. */
interface StaticFile {
  readonly type: string;
  readonly plain: Form;
  /** Each coding that was asked for. */
  readonly encoded: Map<Coding, Form>;
}

/** Serves `/static/…` from the folder at `root`, and the files of `made`. */
export function staticRoutes(
  root: URL,
  made: readonly MadeFile[] = [],
): Hono<AppEnv> {
  const kept = new Map<string, StaticFile>();
  for (const { path, bytes } of made) {
    const name = path.slice("/static/".length);
    kept.set(name, fileOf(name, bytes));
  }
  return new Hono<AppEnv>().get("/static/*", async (c) => {
    const name = c.req.path.slice("/static/".length);
    const file = kept.get(name) ?? fileOf(name, await read(root, name));
    kept.set(name, file);
    const { bytes, etag, coding } = formFor(file, codingFor(c, CODINGS));
    const headers = {
      etag,
      ...(PACKED.has(file.type) ? {} : { vary: "Accept-Encoding" }),
      "cache-control": HASHED.test(name)
        ? "public, max-age=31536000, immutable"
        : "public, max-age=300",
    };
    if (matches(c.req.header("if-none-match"), etag)) {
      return c.body(null, 304, headers);
    }
    return c.body(bytes, 200, {
      ...headers,
      "content-type": file.type,
      ...(coding === undefined ? {} : { "content-encoding": coding }),
    });
  });
}

/** Reads a file. Throws AppError `NOT_FOUND`. */
async function read(
  root: URL,
  name: string,
): Promise<Uint8Array<ArrayBuffer>> {
  if (!NAME.test(name) || name.includes("..") || typeOf(name) === undefined) {
    throw notFound(name);
  }
  try {
    return await Deno.readFile(new URL(name, root));
  } catch (cause) {
    // Without permission to read the folder, pages are served without these files.
    const missing = cause instanceof Deno.errors.NotFound ||
      cause instanceof Deno.errors.NotCapable;
    if (missing) throw notFound(name);
    throw cause;
  }
}

function typeOf(name: string): string | undefined {
  return TYPES[name.slice(name.lastIndexOf(".") + 1)];
}

function fileOf(name: string, bytes: Uint8Array<ArrayBuffer>): StaticFile {
  return {
    type: typeOf(name) ?? "application/octet-stream",
    plain: { bytes, etag: etagOf(bytes) },
    encoded: new Map(),
  };
}

/** The file in `coding`, made when it is first asked for; as it is where that gains nothing. */
function formFor(
  { type, plain, encoded }: StaticFile,
  coding: Coding | undefined,
): Form {
  const { bytes, etag } = plain;
  const isPacked = PACKED.has(type) || bytes.byteLength < MIN_BYTES;
  if (coding === undefined || isPacked) return plain;
  let form = encoded.get(coding);
  if (!form) {
    form = {
      bytes: encodedFile(bytes, coding),
      // Each form has a tag of its own: they are different bytes.
      etag: etag.replace(/"$/, `-${coding}"`),
      coding,
    };
    encoded.set(coding, form);
  }
  return form;
}

function notFound(name: string): AppError {
  return new AppError("NOT_FOUND", `There is no file ${quote(name)}.`);
}
