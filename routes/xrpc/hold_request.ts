/**
 * What the methods of `io.atcr.hold.*` share: who calls, and checked input.
 *
 * @module
 */

import type { Context, Hono } from "@hono/hono";
import { z } from "zod";
import type { Did } from "../../lib/atproto/identity.ts";
import { AppError } from "../../lib/errors.ts";
import type { Decision } from "../../lib/hold/access.ts";
import { quote } from "../../lib/oci/quote.ts";
import type { AppEnv } from "../middleware.ts";
import { readBody } from "../read_body.ts";

/** Checks service tokens. */
export interface ServiceTokens {
  /**
   * The DID that signed the Bearer token of an `Authorization` header for the
   * method `lxm` of this hold. Throws AppError `UNAUTHORIZED`.
   */
  verify(authorization: string | undefined, lxm: string): Promise<Did>;
}

/** One request with the Hono context of this program. */
export type HoldContext = Context<AppEnv>;

/** Answers one request. */
export type HoldHandler = (c: HoldContext) => Promise<Response>;

/** Methods of a group by their name below `io.atcr.hold.`. */
export interface HoldMethods {
  readonly queries?: Readonly<Record<string, HoldHandler>>;
  readonly procedures?: Readonly<Record<string, HoldHandler>>;
}

/** Prefix of the hold's methods. */
export const NSID = "io.atcr.hold";

/** Serves the methods of a group below `/xrpc/`; another HTTP method is told which one to use. */
export function mountMethods(app: Hono<AppEnv>, methods: HoldMethods): void {
  for (const [name, handler] of Object.entries(methods.queries ?? {})) {
    app.get(`/${NSID}.${name}`, handler);
    app.all(`/${NSID}.${name}`, () => refuse(name, "query; use GET"));
  }
  for (const [name, handler] of Object.entries(methods.procedures ?? {})) {
    app.post(`/${NSID}.${name}`, handler);
    app.all(`/${NSID}.${name}`, () => refuse(name, "procedure; use POST"));
  }
}

function refuse(name: string, what: string): never {
  throw new AppError("INVALID_REQUEST", `${NSID}.${name} is a ${what}.`);
}

/** The DID behind the request's service token. Throws AppError `UNAUTHORIZED`. */
export function callerOf(
  c: HoldContext,
  tokens: ServiceTokens,
  method: string,
): Promise<Did> {
  return tokens.verify(c.req.header("authorization"), `${NSID}.${method}`);
}

/** Throws AppError `DENIED` with the reason of a refusal. */
export function requireAllowed(decision: Decision): void {
  if (!decision.allowed) throw new AppError("DENIED", decision.reason);
}

/** Bytes of a JSON input; a manifest of thousands of layers fits. */
const MAX_INPUT_BYTES = 4 * 1024 * 1024;

/**
 * The checked JSON input of a procedure. Throws AppError `INVALID_REQUEST`
 * that names what is wrong, `TOO_LARGE`.
 */
export async function inputOf<T extends z.ZodType>(
  c: HoldContext,
  schema: T,
): Promise<z.output<T>> {
  const bytes = await readBody(c.req.raw, MAX_INPUT_BYTES, "input");
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new AppError("INVALID_REQUEST", "The input must be JSON.", { cause });
  }
  return checked(schema, value, "input");
}

/** The checked parameters of a query. Throws AppError `INVALID_REQUEST`. */
export function parametersOf<T extends z.ZodType>(
  c: HoldContext,
  schema: T,
): z.output<T> {
  return checked(schema, c.req.query(), "query");
}

function checked<T extends z.ZodType>(
  schema: T,
  value: unknown,
  where: string,
): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.slice(0, 5).map((issue) => {
    const path = issue.path.map(String).join("/");
    return `${path === "" ? `the ${where}` : quote(path)}: ${issue.message}`;
  });
  throw new AppError("INVALID_REQUEST", `${problems.join("; ")}.`);
}
