/**
 * Mounts XRPC methods by their lexicon documents, with validated parameters and
 * input.
 *
 * @module
 */

import type { Context, Hono } from "@hono/hono";
import {
  type FieldErrors,
  type Input,
  methodDefinition,
  type MethodNsid,
  type Output,
  type Params,
  readInput,
  readParams,
} from "../../lib/atproto/lexicon/methods.ts";
import { AppError } from "../../lib/errors.ts";
import { quote } from "../../lib/text.ts";
import type { AppEnv } from "../middleware.ts";
import { readBody } from "../read_body.ts";
import { refuse } from "./refusals.ts";

/** One request with the Hono context of this program. */
export type XrpcContext = Context<AppEnv>;

/** Answers one request. */
export type XrpcHandler = (c: XrpcContext) => Response | Promise<Response>;

/** A method, ready to be mounted. */
export interface Method {
  readonly nsid: MethodNsid;
  /** HTTP verbs that it accepts. */
  readonly verbs: readonly string[];
  readonly handle: XrpcHandler;
}

/** One call of the method `N`. */
export interface Call<N extends MethodNsid, Caller> {
  readonly c: XrpcContext;
  readonly params: Params<N>;
  readonly input: Input<N>;
  /** What `authorize` returned. */
  readonly caller: Caller;
}

/** Specification of a method. */
export interface MethodSpec<N extends MethodNsid, Caller> {
  /** Returns the caller; runs before parameters and input are read. Throws AppError. */
  readonly authorize?: (c: XrpcContext, nsid: N) => Promise<Caller>;
  /** Error names for invalid fields. */
  readonly fieldErrors?: FieldErrors<N>;
  /** Converts input of older clients to the form of the document. */
  readonly upgrade?: (input: unknown) => unknown;
  /** HTTP verbs in addition to that of the document. */
  readonly otherVerbs?: readonly string[];
  /** Handles requests outside of the document; returns undefined for all others. */
  readonly intercept?: (c: XrpcContext) => Promise<Response> | undefined;
  /** Returns the output, or a Response if that is not JSON. */
  readonly handle: (
    call: Call<N, Caller>,
  ) => Output<N> | Promise<Output<N>>;
}

/** Maximum bytes of a JSON input; enough for the layers of the largest manifest. */
const MAX_INPUT_BYTES = 5 * 1024 * 1024;

const JSON_TYPE = /^application\/json[ \t]*(;|$)/i;

/** Creates the method `nsid`. */
export function method<N extends MethodNsid, Caller = undefined>(
  nsid: N,
  spec: MethodSpec<N, Caller>,
): Method {
  const definition = methodDefinition(nsid);
  const isProcedure = definition.type === "procedure";
  const takesJson = isProcedure && definition.input?.schema !== undefined;
  const verb = isProcedure ? "POST" : "GET";
  return {
    nsid,
    verbs: [verb, ...spec.otherVerbs ?? []],
    handle: async (c) => {
      const intercepted = spec.intercept?.(c);
      if (intercepted) return await intercepted;
      const caller = await spec.authorize?.(c, nsid) as Caller;
      const { searchParams } = new URL(c.req.url);
      const params = readParams(nsid, searchParams, spec.fieldErrors);
      const json = takesJson ? await jsonOf(c) : undefined;
      const input = readInput(
        nsid,
        spec.upgrade ? spec.upgrade(json) : json,
        spec.fieldErrors,
      );
      const output: unknown = await spec.handle({ c, params, input, caller });
      return output instanceof Response ? output : c.json(Object(output));
    },
  };
}

/** Mounts methods below `/xrpc/`; another HTTP verb is refused with the one to use. */
export function mountMethods(
  app: Hono<AppEnv>,
  methods: readonly Method[],
): void {
  for (const { nsid, verbs, handle } of methods) {
    const path = `/${nsid}`;
    app.on([...verbs], path, handle);
    const [verb = "GET"] = verbs;
    const kind = verb === "GET" ? "query" : "procedure";
    app.all(path, () => refuse(`${nsid} is a ${kind}; use ${verb}.`));
  }
}

/** Serves the version of the program, which has no lexicon. */
export function mountHealth(app: Hono<AppEnv>, version: string): void {
  app.get("/_health", (c) => c.json({ version }));
  app.all("/_health", () => refuse("_health is a query; use GET."));
}

/** Returns 501 for all other methods below `/xrpc`; mount it last. */
export function mountUnknownMethods(app: Hono<AppEnv>): void {
  app.all("/:nsid", (c) => {
    throw new AppError(
      "METHOD_NOT_IMPLEMENTED",
      `This server does not have the method ${c.req.param("nsid")}.`,
    );
  });
}

/** The JSON body of a request. Throws AppError `INVALID_REQUEST` or `TOO_LARGE`. */
async function jsonOf(c: XrpcContext): Promise<unknown> {
  const type = c.req.header("content-type");
  if (type !== undefined && !JSON_TYPE.test(type)) {
    refuse(
      `The input must be JSON; send it as application/json and not as ${
        quote(type)
      }.`,
    );
  }
  const bytes = await readBody(c.req.raw, MAX_INPUT_BYTES, "input");
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new AppError("INVALID_REQUEST", "The input must be JSON.", { cause });
  }
}
