/**
 * Scopes of registry tokens: `repository:<name>:<action>,…`.
 *
 * @module
 */

import { AppError } from "../errors.ts";

/** An action; `*` is all of them, used for the catalog. */
export type ScopeAction = "pull" | "push" | "delete" | "*";

/** Actions on one resource. */
export interface Scope {
  /** `registry` is used for the catalog only. */
  readonly type: "repository" | "registry";
  /** As sent by the client, not validated; it may contain colons. */
  readonly name: string;
  /** Without duplicates, in the requested order. */
  readonly actions: readonly ScopeAction[];
}

/** Maximum scopes of one token request; a push requests one for each mount source. */
const MAX_SCOPES = 100;

const ACTIONS: ReadonlySet<string> = new Set<ScopeAction>([
  "pull",
  "push",
  "delete",
  "*",
]);

/**
 * Parses scopes from the values of one or more `scope` parameters, each of
 * which may contain several, separated by spaces. A class after the type
 * (`repository(plugin)`) is ignored; unknown types, unknown actions and
 * malformed scopes are dropped, so they grant nothing. Scopes of the same
 * resource are merged.
 *
 * Throws AppError `INVALID_REQUEST` for more than {@linkcode MAX_SCOPES}.
 */
export function parseScopes(values: Iterable<string>): Scope[] {
  const scopes = new Map<string, Scope>();
  let count = 0;
  for (const value of values) {
    for (const text of value.split(" ")) {
      if (text === "") continue;
      if (++count > MAX_SCOPES) {
        throw new AppError(
          "INVALID_REQUEST",
          `At most ${MAX_SCOPES} scopes can be asked for at once.`,
        );
      }
      const scope = parseScope(text);
      if (scope === undefined) continue;
      const key = `${scope.type}:${scope.name}`;
      const actions = [...scopes.get(key)?.actions ?? [], ...scope.actions];
      scopes.set(key, { ...scope, actions: [...new Set(actions)] });
    }
  }
  return [...scopes.values()];
}

function parseScope(text: string): Scope | undefined {
  const first = text.indexOf(":");
  const last = text.lastIndexOf(":");
  if (first < 0 || last <= first + 1) return undefined;
  const type = typeOf(text.slice(0, first));
  if (type === undefined) return undefined;
  const actions = text.slice(last + 1).split(",").filter(isAction);
  return { type, name: text.slice(first + 1, last), actions };
}

/** The type without its class. */
function typeOf(text: string): Scope["type"] | undefined {
  const paren = text.indexOf("(");
  const type = paren > 0 && text.endsWith(")") ? text.slice(0, paren) : text;
  return type === "repository" || type === "registry" ? type : undefined;
}

function isAction(text: string): text is ScopeAction {
  return ACTIONS.has(text);
}
