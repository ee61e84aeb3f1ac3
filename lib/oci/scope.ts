/**
 * Scopes of registry tokens: `repository:<name>:<action>,…`.
 *
 * @module
 */

import { AppError } from "../errors.ts";

/** What may be done; `*` is everything, asked for the catalog. */
export type ScopeAction = "pull" | "push" | "delete" | "*";

/** Actions on one thing. */
export interface Scope {
  /** `registry` is asked for the catalog only. */
  readonly type: "repository" | "registry";
  /** As the client wrote it, not checked; it may contain colons. */
  readonly name: string;
  /** Each once, in the order asked for. */
  readonly actions: readonly ScopeAction[];
}

/** Most scopes of one token request; a push asks one for each mount source. */
const MAX_SCOPES = 100;

const ACTIONS: ReadonlySet<string> = new Set<ScopeAction>([
  "pull",
  "push",
  "delete",
  "*",
]);

/**
 * Reads scopes from the values of one or several `scope` parameters, each of
 * which may hold several, separated by spaces. A class behind the type
 * (`repository(plugin)`) is passed over; unknown types, unknown actions and
 * what has not the form of a scope are dropped, which grants nothing. The same
 * thing twice becomes one scope with all its actions.
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
