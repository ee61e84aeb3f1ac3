/**
 * Kinds of settings: how a value is parsed from YAML or from an environment
 * variable, and the description of allowed values.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { isValidDid, isValidHandle, isValidNsid } from "@atproto/syntax";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { type Did, parseDid } from "../did.ts";
import { formatImageName, parseImageName } from "../oci/name.ts";
import { parseListenAddress } from "./listen_address.ts";

/** Parser of one kind of value. */
export interface Kind<T> {
  readonly schema: z.ZodType<T>;
  /** Completes "expected …". */
  readonly allowed: string;
}

/** Text parsed by `parse`, which returns undefined for invalid values; `allowed` completes "expected …". */
export function text<T>(
  parse: (value: string) => T | undefined,
  allowed: string,
): Kind<T> {
  const schema = z.string().transform((value, context) => {
    const parsed = parse(value.trim());
    if (parsed !== undefined) return parsed;
    context.addIssue({ code: "custom", message: allowed });
    return z.NEVER;
  });
  return { schema, allowed };
}

/** Any non-empty text. */
export function anyText(): Kind<string> {
  return text((value) => value || undefined, "text");
}

/** One of `values`. */
export function choice<const V extends string>(
  ...values: [V, ...V[]]
): Kind<V> {
  return { schema: z.enum(values), allowed: `one of ${values.join(", ")}` };
}

const FLAG = z.union([
  z.boolean(),
  z.stringbool({
    truthy: ["true", "1", "yes", "on"],
    falsy: ["false", "0", "no", "off"],
  }),
]);

/** Yes or no. */
export function flag(): Kind<boolean> {
  return { schema: FLAG, allowed: "true or false" };
}

/** Yes, no, or automatic. */
export function flagOrAuto(): Kind<boolean | "auto"> {
  return {
    schema: z.union([FLAG, z.literal("auto")]),
    allowed: "auto, on or off",
  };
}

/** An integer from `min` to `max`. */
export function integer(min: number, max: number): Kind<number> {
  const digits = z.string().trim().regex(/^\d{1,15}$/).transform(Number);
  return {
    schema: z.union([z.number(), digits]).pipe(z.int().min(min).max(max)),
    allowed: `a whole number from ${min} to ${max}`,
  };
}

const DURATION = /^(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9})s)?$/;

/** A time in seconds from `min` to `max`; also as `90s`, `15m` or `1h30m`. */
export function seconds(min: number, max: number): Kind<number> {
  const { schema, allowed } = integer(min, max);
  const plain = (value: unknown): unknown => {
    const match = typeof value === "string" && value.trim() !== ""
      ? DURATION.exec(value.trim())
      : null;
    if (match === null) return value;
    const [hours, minutes, rest] = match.slice(1).map((part) =>
      Number(part ?? 0)
    );
    return ((hours ?? 0) * 60 + (minutes ?? 0)) * 60 + (rest ?? 0);
  };
  return {
    schema: z.preprocess(plain, schema),
    allowed: `${allowed}, or a time as 90s, 15m or 1h30m`,
  };
}

/** A TCP port. */
export function port(): Kind<number> {
  return integer(1, 65_535);
}

const UNITS: Record<string, number> = { "": 1 };
for (const [power, letter] of ["K", "M", "G", "T", "P"].entries()) {
  UNITS[`${letter}B`] = 1000 ** (power + 1);
  UNITS[`${letter}IB`] = 1024 ** (power + 1);
}
UNITS.B = 1;

/** A size in bytes; also with decimal and binary units such as `5GB` and `5GiB`. */
export function bytes(): Kind<number> {
  const allowed = "a size as 500000, 500kB, 5GB or 5GiB";
  const spelled = text((value) => {
    const match = /^(\d{1,15}(?:\.\d{1,6})?)\s*([A-Za-z]{0,3})$/.exec(value);
    const unit = UNITS[match?.[2]?.toUpperCase() ?? "?"];
    if (match === null || unit === undefined) return undefined;
    return Math.round(Number(match[1]) * unit);
  }, allowed);
  const schema = z.union([z.number(), spelled.schema])
    .pipe(z.int().min(0).max(Number.MAX_SAFE_INTEGER));
  return { schema, allowed };
}

/** Several values; as text separated by commas. */
export function list<T>(item: Kind<T>): Kind<T[]> {
  const split = z.string().transform((value) =>
    value.split(",").map((part) => part.trim()).filter((part) => part !== "")
  );
  return {
    schema: z.union([split, z.array(z.unknown()).max(1000)])
      .pipe(z.array(item.schema)),
    allowed: `a list (in the environment with commas), each ${item.allowed}`,
  };
}

/** A map with values of one type; as text in YAML or JSON. */
export function map<T>(value: z.ZodType<T>, example: string): Kind<
  Record<string, T>
> {
  const inline = z.string().transform((value, context): unknown => {
    try {
      return parseYaml(value, { logLevel: "error" });
    } catch {
      context.addIssue({ code: "custom", message: "no YAML" });
      return z.NEVER;
    }
  });
  const name = z.string().regex(/^[a-z][a-z0-9_-]{0,63}$/);
  return {
    schema: z.union([inline, z.record(z.string(), z.unknown())])
      .pipe(z.record(name, value)),
    allowed: `names with values, as ${example}`,
  };
}

function httpUrl(value: string): URL | undefined {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const plain = url !== undefined && /^https?:$/.test(url.protocol) &&
    url.hostname !== "" && url.username === "" && url.password === "";
  return plain ? url : undefined;
}

/** An http(s) URL without path; parsed as its origin. */
export function origin(): Kind<string> {
  return text((value) => {
    const url = httpUrl(value);
    const bare = url?.pathname === "/" && url.search === "" && url.hash === "";
    return bare ? url.origin : undefined;
  }, "an address as https://registry.example.com, without path");
}

/** An http(s) URL with or without a path; parsed without a slash after it. */
export function endpoint(): Kind<string> {
  return text((value) => {
    const url = httpUrl(value);
    const bare = url?.search === "" && url.hash === "";
    return bare ? url.href.replace(/\/+$/, "") : undefined;
  }, "an address as https://s3.example.com, with or without a path");
}

/** An http(s) URL. */
export function url(): Kind<string> {
  return text(
    (value) => httpUrl(value)?.href,
    "an address as https://example.com/picture.png",
  );
}

/** A ws(s) URL; the default path is that of a Jetstream server. */
export function webSocket(): Kind<string> {
  return text((value) => {
    if (!/^wss?:\/\//.test(value)) return undefined;
    const url = httpUrl(value.replace(/^ws/, "http"));
    if (url === undefined) return undefined;
    if (url.pathname === "/") url.pathname = "/subscribe";
    return url.href.replace(/^http/, "ws");
  }, "an address as wss://jetstream.example.com/subscribe");
}

/** A host name with an optional port; a URL is parsed as its host. */
export function host(): Kind<string> {
  return text((value) => {
    const url = httpUrl(/^https?:/.test(value) ? value : `https://${value}`);
    return url?.pathname === "/" ? url.host : undefined;
  }, "a host as cdn.example.com or cdn.example.com:8443");
}

/** A DID; a did:web with an unescaped port is accepted as well. */
export function did(): Kind<Did> {
  return text(readDid, "a DID as did:plc:… or did:web:hold.example.com");
}

/** The DID of a hold, or its URL, which becomes its did:web. */
export function holdDid(): Kind<Did> {
  return text((value) => {
    const url = httpUrl(value);
    return url ? didWeb(url.host) : readDid(value);
  }, "a DID as did:web:hold.example.com, or the hold's address");
}

/** A handle, lower-cased, or a DID. */
export function handleOrDid(): Kind<string> {
  return text((value) => {
    const handle = value.replace(/^@/, "").toLowerCase();
    return isValidHandle(handle) ? handle : readDid(value);
  }, "a handle as alice.example.com, or a DID");
}

/** A repository with its owner. */
export function imageName(): Kind<string> {
  return text((value) => {
    try {
      return formatImageName(parseImageName(value));
    } catch {
      return undefined;
    }
  }, "a repository with its owner as alice.example.com/app");
}

/** The did:web of a host with an optional port. */
export function didWeb(host: string): Did {
  return `did:web:${host.replace(":", "%3A")}`;
}

function readDid(value: string): Did | undefined {
  const did = value.replace(/^(did:web:[^:]+):(\d{1,5})$/, "$1%3A$2");
  if (!/^did:(plc|web):/.test(did) || !isValidDid(did)) return undefined;
  // A DID that others cannot resolve may still name the hold of this process.
  return parseDid(did) ?? did;
}

/** The NSID of a record collection. */
export function nsid(): Kind<string> {
  return text(
    (value) => isValidNsid(value) ? value : undefined,
    "an NSID as app.bsky.actor.profile",
  );
}

/** 32 bytes, as base64 or as hex. */
export function key32(): Kind<Uint8Array> {
  return text((value) => {
    if (/^[0-9a-f]{64}$/i.test(value)) return bytesOf(value, "hex");
    return /^[A-Za-z0-9+/_-]{43}=?$/.test(value)
      ? bytesOf(value, "base64")
      : undefined;
  }, "32 bytes as base64 or hex (openssl rand -base64 32 makes them)");
}

function bytesOf(value: string, encoding: "hex" | "base64"): Uint8Array {
  return new Uint8Array(Buffer.from(value, encoding));
}

/** Where to listen; see {@linkcode parseListenAddress}. */
export function listenAddress(): Kind<string> {
  const address = text(
    (value) => parseListenAddress(value) && value,
    "an address as :5000, 127.0.0.1:5000, [::1]:5000 or 5000",
  );
  const asText = (value: unknown) =>
    typeof value === "number" ? String(value) : value;
  return {
    schema: z.preprocess(asText, address.schema),
    allowed: address.allowed,
  };
}

/** Location of the key-value store. */
export function kvLocation(): Kind<string> {
  return {
    schema: text((value) => {
      if (!value.includes("://")) return value;
      if (/^postgres(ql)?:\/\/./.test(value)) return value;
      return httpUrl(value)?.href;
    }, "").schema,
    allowed: "empty, a path, :memory:, an https:// or a postgres:// address",
  };
}
