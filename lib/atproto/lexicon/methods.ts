/**
 * XRPC methods as their lexicon documents define them: types of inputs and
 * outputs, and validation of inputs.
 *
 * @module
 */

import type {
  LexRefVariant,
  LexUserType,
  LexXrpcParameters,
} from "@atproto/lexicon";
import type { Bytes, Methods } from "../../../lexicons/generated.ts";
import { AppError } from "../../errors.ts";
import { lexicons } from "./lexicons.ts";

/** NSIDs of the methods that have a document. */
export type MethodNsid = keyof Methods;
/** Parameters of a method, defaults filled in. */
export type Params<N extends MethodNsid> = Methods[N]["params"];
/** JSON input of a method, defaults filled in; undefined when it takes none or bytes. */
export type Input<N extends MethodNsid> = Methods[N]["input"] extends Bytes
  ? undefined
  : Methods[N]["input"];
/** JSON output of a method; bytes and streams are returned as a Response. */
export type Output<N extends MethodNsid> = Methods[N]["output"] extends Bytes
  ? Response
  : Methods[N]["output"];

/** Error names of the document to use for invalid parameters and fields. */
export type FieldErrors<N extends MethodNsid> = Readonly<
  Partial<
    Record<
      (keyof Params<N> | keyof Input<N>) & string,
      Methods[N]["errors"]
    >
  >
>;

type Names = Readonly<Record<string, string | undefined>>;

type Schema = LexUserType | LexRefVariant | LexXrpcParameters;

/** The definition of a method in its document. */
export function methodDefinition(nsid: MethodNsid) {
  const definition = lexicons.getDefOrThrow(nsid);
  switch (definition.type) {
    case "query":
    case "procedure":
    case "subscription":
      return definition;
  }
  throw new Error(`${nsid} is no method but a ${definition.type}.`);
}

/**
 * Parses the parameters of a query string that the document of `nsid` declares;
 * others are ignored. Throws AppError `INVALID_REQUEST` for the first that is
 * missing or invalid, with its name in `errors`.
 */
export function readParams<N extends MethodNsid>(
  nsid: N,
  query: URLSearchParams,
  errors?: FieldErrors<N>,
): Params<N> {
  const { parameters } = methodDefinition(nsid);
  const values: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(parameters?.properties ?? {})) {
    if (!query.has(name)) continue;
    values[name] = schema.type === "array"
      ? query.getAll(name).map((text) => valueOf(text, schema.items.type))
      : valueOf(query.get(name) ?? "", schema.type);
  }
  return checked<Params<N>>("parameter", errors, () => {
    const valid = lexicons.assertValidXrpcParams(nsid, values) ?? {};
    return parameters ? declared(parameters, valid) : {};
  });
}

/**
 * Validates the JSON input of a procedure against the document of `nsid`;
 * undeclared members are dropped. Throws like {@linkcode readParams}.
 */
export function readInput<N extends MethodNsid>(
  nsid: N,
  input: unknown,
  errors?: FieldErrors<N>,
): Input<N> {
  const definition = methodDefinition(nsid);
  const { schema } = (definition.type === "procedure" && definition.input) ||
    {};
  return checked<Input<N>>("field", errors, () => {
    if (!schema) return undefined;
    if (Array.isArray(input)) throw new Error("Input must be an object");
    return declared(schema, lexicons.assertValidXrpcInput(nsid, input));
  });
}

/** Converts a parameter to its type; invalid text is left to the validation. */
function valueOf(text: string, type: string): unknown {
  if (type === "integer") return /^-?\d{1,16}$/.test(text) ? +text : text;
  if (type !== "boolean") return text;
  return text === "true" || (text === "false" ? false : text);
}

/**
 * Keeps the declared members of a valid value; undeclared ones must not get
 * into our rows. Throws for inexact integers and for lists in place of objects,
 * which the library accepts.
 */
function declared(schema: Schema, value: unknown, path = "Input"): unknown {
  switch (schema.type) {
    case "params":
    case "object": {
      const members = Object.entries(schema.properties ?? {});
      const kept: Record<string, unknown> = {};
      for (const [name, property] of members) {
        const member = memberOf(value, name);
        if (member === undefined) continue;
        kept[name] = declared(property, member, `${path}/${name}`);
      }
      return kept;
    }
    case "array":
      return Array.isArray(value)
        ? value.map((item, i) => declared(schema.items, item, `${path}/${i}`))
        : value;
    case "ref":
      return declared(lexicons.getDefOrThrow(schema.ref), value, path);
    case "union": {
      const $type = memberOf(value, "$type");
      if (typeof $type !== "string") return value;
      const known = lexicons.getDef($type);
      if (!known) return value;
      return { $type, ...Object(declared(known, value, path)) };
    }
    case "integer":
      if (typeof value !== "number" || Number.isSafeInteger(value)) {
        return value;
      }
      throw new Error(`${path} must be an integer below 2^53`);
    case "unknown":
      if (!Array.isArray(value)) return value;
      throw new Error(`${path} must be an object`);
    default:
      return value;
  }
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null &&
      Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}

/** Runs `check` and converts its error to a sentence about the parameter or field. */
function checked<T>(
  what: "parameter" | "field",
  errors: Names | undefined,
  check: () => unknown,
): T {
  try {
    // The types are generated from the same documents.
    return check() as T;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : "";
    const { field, sentence } = explain(what, reason.slice(0, 300));
    throw new AppError("INVALID_REQUEST", sentence, {
      cause,
      xrpc: errors?.[field] ?? "InvalidRequest",
    });
  }
}

/** Rewrites an error of the library, such as "Input/parts/0/etag must be a string". */
function explain(what: "parameter" | "field", reason: string) {
  const missing = /^(\S+) must have the property "(.*)"$/.exec(reason);
  if (missing) {
    const [, path = "", name = ""] = missing;
    const inner = path.split("/").slice(1);
    return {
      field: "",
      sentence: `The ${what} ${[...inner, name].join("/")} is missing.`,
    };
  }
  const [place = "", ...words] = reason.split(" ");
  const path = place.replace(/^(Input|Params)\/?/, "");
  const [field = ""] = path.split("/");
  const subject = path === "" ? "The input" : `The ${what} ${path}`;
  return { field, sentence: `${subject} ${words.join(" ")}.` };
}
