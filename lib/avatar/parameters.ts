/**
 * Parses a picture request into a canonical form: the account that its path
 * names, and its query.
 *
 * @module
 */

import { z } from "zod";
import { AppError } from "../errors.ts";
import type { OutputFormat } from "./image/encode.ts";
import type { Fit } from "./image/geometry.ts";
import type { RenderRequest } from "./image/render.ts";
import type { PlaceholderKind } from "./placeholder/scene.ts";
import { parseDid } from "../did.ts";

/** Response when there is no picture. */
export type Fallback =
  | { readonly kind: "none" }
  | { readonly kind: PlaceholderKind }
  | { readonly kind: "redirect"; readonly url: URL };

/** A validated query. */
export interface PictureQuery {
  /** Without parameters that have no effect. */
  readonly request: RenderRequest;
  /** Last part of the object's key, for example `w200-h200-q85.webp`. */
  readonly name: string;
  readonly fallback: Fallback;
  /** Whether the format was left to the `Accept` header. */
  readonly negotiated: boolean;
  /** Whether the format was named. */
  readonly explicitFormat: boolean;
  /** The signature in the query. */
  readonly signature: string | undefined;
}

/** Rules for queries. */
export interface QueryRules {
  /** Largest `w` and `h`. */
  readonly maxSide: number;
  /** Hosts that `fallback` may lead to. */
  readonly fallbackHosts: readonly string[];
}

/** Of JPEG and WebP. */
export const DEFAULT_QUALITY = 85;
const MAX_DENSITY = 4;

/** Schema of an integer, with an error that names the parameter and its range. */
const wholeNumber = (name: string, max: number) => {
  const message = `${name} must be a whole number from 1 to ${max}.`;
  return z.string().regex(/^\d{1,9}$/, message).transform(Number).refine(
    (value) => value >= 1 && value <= max,
    message,
  ).optional();
};

const oneOf = <const T extends readonly string[]>(name: string, values: T) =>
  z.enum(values, `${name} must be one of ${values.join(", ")}.`).optional();

/** `jpeg` is another name for `jpg`, and case does not matter. */
function formatName(given: unknown): unknown {
  if (typeof given !== "string") return given;
  const name = given.toLowerCase();
  return name === "jpeg" ? "jpg" : name;
}

const schemaFor = (maxSide: number) =>
  z.object({
    w: wholeNumber("w", maxSide),
    h: wholeNumber("h", maxSide),
    q: wholeNumber("q", 100),
    f: z.preprocess(
      formatName,
      oneOf("f", ["webp", "jpg", "png", "auto"]),
    ),
    fit: oneOf("fit", ["cover", "contain", "inside"]),
    dpr: z.string().regex(
      /^[1-4](\.\d{1,2})?$/,
      `dpr must be a number from 1 to ${MAX_DENSITY} with at most two decimals.`,
    ).transform(Number).refine(
      (value) => value <= MAX_DENSITY,
      `dpr must be at most ${MAX_DENSITY}.`,
    ).optional(),
    enlarge: oneOf("enlarge", ["true", "false"]),
    fallback: z.string().max(2000, "fallback must be at most 2000 characters.")
      .optional(),
    s: z.string().max(200, "s must be at most 200 characters.").optional(),
  });

/** Creating a schema takes longer than using it; one is cached per `maxSide`. */
const schemas = new Map<number, ReturnType<typeof schemaFor>>();

function schemaOf(maxSide: number): ReturnType<typeof schemaFor> {
  let schema = schemas.get(maxSide);
  if (schema === undefined) {
    schema = schemaFor(maxSide);
    schemas.set(maxSide, schema);
  }
  return schema;
}

/**
 * Parses a query. The first of repeated parameters is used, unknown ones are
 * ignored.
 *
 * @param accept the `Accept` header, for `f=auto`.
 *
 * Throws AppError `INVALID_REQUEST` with a sentence for every invalid
 * parameter.
 */
export function parseQuery(
  query: URLSearchParams,
  accept: string | undefined,
  rules: QueryRules,
): PictureQuery {
  const first = Object.fromEntries([...query].reverse());
  const parsed = schemaOf(rules.maxSide).safeParse(first);
  if (!parsed.success) {
    throw invalid(parsed.error.issues.map(({ message }) => message).join(" "));
  }
  const { w, h, q, f, fit, dpr, enlarge, fallback, s } = parsed.data;
  const sized = w !== undefined || h !== undefined;
  if (Math.max(w ?? 0, h ?? 0) * (dpr ?? 1) > rules.maxSide) {
    throw invalid(`w and h times dpr must be at most ${rules.maxSide}.`);
  }
  const boxed = w !== undefined && h !== undefined;
  const request: RenderRequest = {
    ...(w === undefined ? {} : { width: w }),
    ...(h === undefined ? {} : { height: h }),
    fit: boxed ? fit ?? "cover" : "cover",
    density: sized ? dpr ?? 1 : 1,
    enlarge: sized && enlarge === "true",
    format: f === "auto" ? negotiate(accept) : f ?? "webp",
    quality: f === "png" ? DEFAULT_QUALITY : q ?? DEFAULT_QUALITY,
  };
  return {
    request,
    name: variantName(request),
    fallback: parseFallback(fallback, rules.fallbackHosts),
    negotiated: f === "auto",
    explicitFormat: f !== undefined && f !== "auto",
    signature: s,
  };
}

/** The whole picture in `format`. */
export function plainQuery(format: OutputFormat): PictureQuery {
  const request: RenderRequest = {
    fit: "cover",
    density: 1,
    enlarge: false,
    format,
    quality: DEFAULT_QUALITY,
  };
  return {
    request,
    name: variantName(request),
    fallback: { kind: "none" },
    negotiated: false,
    explicitFormat: false,
    signature: undefined,
  };
}

/** Name of the variant's object; equal requests have equal names. */
function variantName(request: RenderRequest): string {
  const { width, height, fit, density, enlarge, format, quality } = request;
  const sized = width !== undefined || height !== undefined;
  if (!sized && format === "webp" && quality === DEFAULT_QUALITY) {
    return "default.webp";
  }
  const parts = [
    width === undefined ? "" : `w${width}`,
    height === undefined ? "" : `h${height}`,
    fit === "cover" ? "" : fit satisfies Fit,
    density === 1 ? "" : `dpr${density}`,
    enlarge ? "enlarge" : "",
    format === "png" ? "" : `q${quality}`,
  ].filter(Boolean);
  return `${parts.join("-") || "default"}.${format}`;
}

/**
 * WebP for clients that list it explicitly; clients that send only `image/*`
 * may not support it.
 */
function negotiate(accept = ""): OutputFormat {
  const takesWebp = accept.split(",").some((entry) => {
    const [type, ...parameters] = entry.split(";").map((part) => part.trim());
    return type?.toLowerCase() === "image/webp" &&
      !parameters.some((parameter) => /^q=0(\.0*)?$/i.test(parameter));
  });
  return takesWebp ? "webp" : "jpg";
}

function parseFallback(
  text: string | undefined,
  hosts: readonly string[],
): Fallback {
  if (text === undefined || text === "404") return { kind: "none" };
  if (text === "initials" || text === "identicon") return { kind: text };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url?.protocol === "https:" && url.port === "" &&
    url.username === "" && url.password === "";
  if (url !== undefined && plain && hosts.includes(url.hostname)) {
    return { kind: "redirect", url };
  }
  throw invalid(
    "fallback must be 404, initials, identicon, or an https URL on a host that this service allows.",
  );
}

function invalid(message: string): AppError {
  return new AppError("INVALID_REQUEST", message);
}

/** Maximum characters of an identifier; that of a DID. */
const MAX_IDENTIFIER = 2048;
/** Invisible characters, which come along when a handle is copied from a page. */
const INVISIBLE = /\p{Cf}/gu;
/** Beyond a host name: parts of a URL, and what the platform's parser removes from a host. */
const NOT_OF_A_HOST = /[/\\?#@:%[\]\s\p{Cc}]/u;
const NON_ASCII = /[^\0-\x7f]/;
/** Names requested by browsers and robots that look like handles. */
const FILES = /\.(?:ico|txt|xml|html|php|js|css|map|webmanifest)$/;

/**
 * A potential handle, in ASCII and lower case, or DID; undefined for other
 * text. A leading `@` or `at://`, a dot at the end, and invisible characters
 * are dropped; an international name is converted to punycode. Whether a handle
 * is valid and exists is not checked.
 */
export function readIdentifier(text: string): string | undefined {
  if (text.length > MAX_IDENTIFIER) return undefined;
  const bare = text.replaceAll(INVISIBLE, "").trim()
    .replace(/^at:\/\//i, "").replace(/^@/, "");
  if (/^did:/i.test(bare)) return canonicalDid(bare);
  const name = asciiName(bare)?.replace(/\.$/, "");
  const plausible = name !== undefined && name.includes(".") &&
    !name.startsWith(".") && !FILES.test(name);
  return plausible ? name : undefined;
}

/** The parts before the identifier's own are not case-sensitive to people. */
function canonicalDid(text: string): string {
  const did = text.replace(/^did:[a-z]+:/i, (prefix) => prefix.toLowerCase());
  return parseDid(did) ?? did;
}

/** Lower case and, for an international name, in punycode (UTS 46, as in URLs). */
function asciiName(name: string): string | undefined {
  if (!NON_ASCII.test(name)) return name.toLowerCase();
  if (NOT_OF_A_HOST.test(name)) return undefined;
  return URL.parse(`https://${name}`)?.hostname;
}
