/**
 * The functions of the key modules, with the kinds of rows that they make.
 *
 * @module
 */

import type { Did } from "../../lib/did.ts";
import type { Key } from "../../lib/kv/kv.ts";
import { product, ROOT } from "./sources.ts";

/** A function that makes keys. */
export interface KeyBuilder {
  readonly path: string;
  readonly name: string;
  /** The text parts that its keys begin with, without the version of the index. */
  readonly kind: string;
  /** Whether it takes the DID of an account. */
  readonly takesDid: boolean;
  /** A key with sample parts, about `did` where it takes one. */
  readonly key: (did: Did) => Key;
}

type AnyFunction = (...args: unknown[]) => unknown;

/** Begins the text of sample arguments, so that they are not taken for kinds. */
const SAMPLE = "?";
const DIGEST = `sha256:${"0a".repeat(32)}`;

/** The key builders of all modules named `kv_keys.ts`. */
export async function keyBuilders(): Promise<KeyBuilder[]> {
  const builders: KeyBuilder[] = [];
  for (const { path, text } of product) {
    if (!path.endsWith("/kv_keys.ts")) continue;
    const types = new Map(
      [...text.matchAll(/\b(\w+)\??: (Did|Digest|number|Uint8Array)\b/g)]
        .map(([, name = "", type = ""]) => [name, type]),
    );
    const module: Record<string, unknown> = await import(`${ROOT}/${path}`);
    for (const [name, build] of functionsOf(module)) {
      const params = paramsOf(build);
      const takesDid = params.some((param) => types.get(param) === "Did");
      const key = (did: Did) =>
        keyOf(build(...params.map((param) => sample(types.get(param), did))));
      const kind = kindOf(key("did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"));
      if (kind !== "") builders.push({ path, name, kind, takesDid, key });
    }
  }
  return builders;
}

/** Exported functions, and those in exported objects. */
function functionsOf(module: Record<string, unknown>): [string, AnyFunction][] {
  return Object.entries(module).flatMap(([name, value]) => {
    if (isFunction(value)) return [[name, value]];
    if (typeof value !== "object" || value === null) return [];
    return Object.entries(value).flatMap(
      ([member, build]): [string, AnyFunction][] =>
        isFunction(build) ? [[`${name}.${member}`, build]] : [],
    );
  });
}

function isFunction(value: unknown): value is AnyFunction {
  return typeof value === "function";
}

/** Names of the parameters, out of the source text. */
function paramsOf(build: AnyFunction): string[] {
  const text = build.toString();
  const list = text.slice(text.indexOf("(") + 1, text.indexOf(")"));
  return list.split(",").map((one) => /\w+/.exec(one)?.[0] ?? "")
    .filter((name) => name !== "");
}

function sample(type: string | undefined, did: Did): unknown {
  if (type === "Did") return did;
  if (type === "Digest") return DIGEST;
  if (type === "number") return 1;
  return type === "Uint8Array" ? new Uint8Array(4) : `${SAMPLE}x`;
}

/** The key in what a builder returns: a key, a selector or several keys; empty for other texts. */
function keyOf(made: unknown): Key {
  if (Array.isArray(made)) return made;
  if (typeof made !== "object" || made === null) return [];
  const key = "start" in made ? made.start : Object.values(made)[0];
  return Array.isArray(key) ? key : [];
}

function kindOf(key: Key): string {
  const parts = key[0] === "index" ? [key[0], ...key.slice(2)] : key;
  const end = parts.findIndex((part) =>
    typeof part !== "string" || /^(did:|at:|sha256:|[?])/.test(part)
  );
  return parts.slice(0, end === -1 ? parts.length : end).join("/");
}
