/**
 * Operations of the public API. One set of schemas validates requests, types
 * the answers, and is the document that describes them.
 *
 * @module
 */

import { z } from "zod";
import { AppError } from "../../../lib/errors.ts";
import type { MayRead } from "../../../lib/index/reading.ts";
import { quote } from "../../../lib/text.ts";

/** A request that was understood. */
export interface ApiCall<P, Q> {
  /** Parts of the path. */
  readonly params: P;
  readonly query: Q;
  /** Where the client may pull. */
  readonly mayRead: MayRead;
}

/** What an operation is. */
export interface OperationSpec<
  P extends z.ZodObject,
  Q extends z.ZodObject,
  R extends z.ZodType,
> {
  /** A name for generated clients. */
  readonly id: string;
  /** Below `/api/v1`, with its parameters in braces. */
  readonly path: string;
  /** A few words. */
  readonly summary: string;
  /** Sentences. */
  readonly description: string;
  readonly params: P;
  readonly query: Q;
  readonly response: R;
  /** Whether what is asked for may not exist. */
  readonly mayMiss: boolean;
  readonly handle: (
    call: ApiCall<z.output<P>, z.output<Q>>,
  ) => Promise<z.input<R>>;
}

/** A request as it arrived. */
export interface RawCall {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly mayRead: MayRead;
}

/** An operation, ready to be mounted and described. */
export interface Operation {
  readonly id: string;
  readonly path: string;
  readonly summary: string;
  readonly description: string;
  readonly params: z.ZodObject;
  readonly query: z.ZodObject;
  readonly response: z.ZodType;
  readonly mayMiss: boolean;
  /** Throws AppError `INVALID_REQUEST` for bad parameters, and what the index throws. */
  readonly answer: (call: RawCall) => Promise<unknown>;
}

/** Creates an operation. */
export function operation<
  P extends z.ZodObject,
  Q extends z.ZodObject,
  R extends z.ZodType,
>(spec: OperationSpec<P, Q, R>): Operation {
  const { handle, ...rest } = spec;
  return {
    ...rest,
    answer: ({ params, query, mayRead }) =>
      handle({
        params: readAll(spec.params, Object.entries(params)),
        query: readAll(spec.query, [...query]),
        mayRead,
      }),
  };
}

/** Whole numbers as the API writes them. */
const INTEGER = /^(?:0|[1-9][0-9]{0,8})$/;

/** Reads texts with a schema. Throws AppError `INVALID_REQUEST` with a sentence that names the wrong parameter. */
function readAll<S extends z.ZodObject>(
  schema: S,
  texts: readonly (readonly [string, string])[],
): z.output<S> {
  const values = new Map<string, string | number>();
  for (const [name, text] of texts) {
    if (!Object.hasOwn(schema.shape, name)) throw unknownName(schema, name);
    if (values.has(name)) {
      throw new AppError(
        "INVALID_REQUEST",
        `The parameter ${name} can be given once only.`,
      );
    }
    const isNumber = isInteger(schema.shape[name]) && INTEGER.test(text);
    values.set(name, isNumber ? Number(text) : text);
  }
  const read = schema.safeParse(Object.fromEntries(values));
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const name = issue?.path.join(".");
  throw new AppError(
    "INVALID_REQUEST",
    name
      ? `The parameter ${name} ${issue?.message}.`
      : `The parameters ${issue?.message}.`,
  );
}

/** Whether the document calls a parameter an integer. */
function isInteger(schema: unknown): boolean {
  return schema instanceof z.ZodType &&
    z.toJSONSchema(schema, { io: "input" }).type === "integer";
}

function unknownName(schema: z.ZodObject, name: string): AppError {
  const known = Object.keys(schema.shape).join(", ");
  return new AppError(
    "INVALID_REQUEST",
    `There is no parameter ${quote(name)}; ${
      known === "" ? "this takes none" : `known are ${known}`
    }.`,
  );
}
