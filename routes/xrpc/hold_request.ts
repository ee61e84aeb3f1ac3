/**
 * What the methods of `io.atcr.hold.*` share: who calls, and checked input.
 *
 * @module
 */

import type { Hono } from "@hono/hono";
import { z } from "zod";
import { type Did, didSchema } from "../../lib/did.ts";
import { AppError } from "../../lib/errors.ts";
import type { Decision } from "../../lib/hold_api/decision.ts";
import { quote } from "../../lib/text.ts";
import type { AppEnv } from "../middleware.ts";
import { readBody } from "../read_body.ts";
import {
  mountProcedure,
  mountQuery,
  type XrpcContext,
} from "./server_methods.ts";

/** Checks service tokens. */
export interface ServiceTokens {
  /**
   * The DID that signed the Bearer token of an `Authorization` header for the
   * method `lxm` of this hold. Throws AppError `UNAUTHORIZED`.
   */
  verify(authorization: string | undefined, lxm: string): Promise<Did>;
}

/** One request with the Hono context of this program. */
export type HoldContext = XrpcContext;

/** Answers one request. */
export type HoldHandler = (c: HoldContext) => Promise<Response>;

/** Methods of a group by their name below `io.atcr.hold.`. */
export interface HoldMethods {
  readonly queries?: Readonly<Record<string, HoldHandler>>;
  readonly procedures?: Readonly<Record<string, HoldHandler>>;
}

/** Prefix of the hold's methods. */
const NSID = "io.atcr.hold";

/** Serves the methods of a group below `/xrpc/`. */
export function mountMethods(app: Hono<AppEnv>, methods: HoldMethods): void {
  for (const [name, handler] of Object.entries(methods.queries ?? {})) {
    mountQuery(app, `${NSID}.${name}`, handler);
  }
  for (const [name, handler] of Object.entries(methods.procedures ?? {})) {
    mountProcedure(app, `${NSID}.${name}`, handler);
  }
}

/** The DID behind the request's service token. Throws AppError `UNAUTHORIZED` (`AuthRequired`). */
export async function callerOf(
  c: HoldContext,
  tokens: ServiceTokens,
  method: string,
): Promise<Did> {
  const authorization = c.req.header("authorization");
  try {
    return await tokens.verify(authorization, `${NSID}.${method}`);
  } catch (error) {
    throw renamed(error, "AuthRequired", (status) => status === 401);
  }
}

/** Runs `work`; a failure that is not the input's gets the name that the lexicon has for it. */
export async function failingAs<T>(
  name: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw renamed(error, name, (status) => status >= 500 || status === 409);
  }
}

function renamed(
  error: unknown,
  xrpc: string,
  applies: (status: number) => boolean,
): unknown {
  if (!(error instanceof AppError) || !applies(error.spec.status)) return error;
  const { code, message, detail, retryAfterSeconds, cause } = error;
  return new AppError(code, message, {
    xrpc,
    detail,
    cause: cause ?? error,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

/** Throws AppError `DENIED` with the reason of a refusal. */
export function requireAllowed(decision: Decision): void {
  if (!decision.allowed) throw new AppError("DENIED", decision.reason);
}

/** A checked DID. Throws AppError `INVALID_REQUEST` under the error name of a lexicon. */
export function didOf(text: string, xrpc: string): Did {
  const parsed = didSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new AppError("INVALID_REQUEST", `${quote(text)} is not a DID.`, {
    xrpc,
  });
}

/** Bytes of a JSON input; a manifest of thousands of layers fits. */
const MAX_INPUT_BYTES = 4 * 1024 * 1024;

const JSON_TYPE = /^application\/json[ \t]*(;|$)/i;

/**
 * The checked JSON input of a procedure. Throws AppError `INVALID_REQUEST`
 * that names what is wrong, also when it is sent as something else than JSON,
 * and `TOO_LARGE`.
 */
export async function inputOf<T extends z.ZodType>(
  c: HoldContext,
  schema: T,
): Promise<z.output<T>> {
  const type = c.req.header("content-type");
  if (type !== undefined && !JSON_TYPE.test(type)) {
    throw new AppError(
      "INVALID_REQUEST",
      `The input must be JSON; send it as application/json and not as ${
        quote(type)
      }.`,
    );
  }
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

/** `value` as `schema` has it. Throws AppError `INVALID_REQUEST` that names what is wrong in `where`. */
export function checked<T extends z.ZodType>(
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
