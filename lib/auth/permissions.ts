/**
 * Permissions of device secrets and access tokens: actions on the repositories
 * that match a pattern.
 *
 * A pattern is a repository of the owner (`app`, `team/app`), a prefix followed
 * by a star (`team/*`, `app-*`), or a star alone, which means everything that
 * the owner may do, including pulls from repositories of others. The syntax is
 * that of registry token scopes: `repository:team/*:pull,push`.
 *
 * @module
 */

import type { Did } from "../did.ts";
import { AppError } from "../errors.ts";
import type { Action } from "./registry_tokens.ts";

/** Actions on the repositories that match `pattern`. */
export interface Permission {
  readonly pattern: string;
  readonly actions: readonly Action[];
}

/** Maximum permissions of one device. */
const MAX_PERMISSIONS = 10;

/** Permissions of a device that requests none. */
export const DEFAULT_PERMISSIONS: readonly Permission[] = [
  { pattern: "*", actions: ["pull", "push"] },
];

const PATTERN = /^(?:\*|[a-z0-9][a-z0-9._/-]{0,199}\*?)$/;
const ACTIONS: readonly Action[] = ["pull", "push", "delete"];
const SCOPE = /^repository:([^:]*):([a-z,]*)$/;

/**
 * Parses permissions of the form `repository:<pattern>:<actions>`, separated by
 * spaces. Push includes pull.
 *
 * Throws AppError `INVALID_REQUEST` with a sentence that names the wrong part.
 */
export function parsePermissions(text: string): Permission[] {
  const parts = text.split(/\s+/).filter((part) => part !== "");
  if (parts.length === 0 || parts.length > MAX_PERMISSIONS) {
    throw invalid(
      `Name 1 to ${MAX_PERMISSIONS} permissions, as repository:app:pull,push.`,
    );
  }
  return parts.map((part) => {
    const [, pattern = "", actions = ""] = SCOPE.exec(part) ?? [];
    return permission(pattern, actions.split(","), part);
  });
}

/**
 * Builds the permission for `pattern`. Throws AppError `INVALID_REQUEST`, whose
 * message contains `shown`, for a bad pattern or action.
 */
export function permission(
  pattern: string,
  actions: readonly string[],
  shown: string = pattern,
): Permission {
  if (!PATTERN.test(pattern)) {
    throw invalid(
      `"${
        shown.slice(0, 100)
      }" names no repositories; write app, team/* or * for all.`,
    );
  }
  const wanted = new Set(actions);
  if (wanted.has("push")) wanted.add("pull");
  const known = ACTIONS.filter((action) => wanted.has(action));
  if (known.length === 0 || known.length !== wanted.size) {
    throw invalid(
      `"${
        shown.slice(0, 100)
      }" has unknown actions; use pull, push and delete.`,
    );
  }
  return { pattern, actions: known };
}

/** Formats permissions for {@linkcode parsePermissions}. */
export function formatPermissions(permissions: readonly Permission[]): string {
  return permissions.map(({ pattern, actions }) =>
    `repository:${pattern}:${actions.join(",")}`
  ).join(" ");
}

/** Whether `permissions` of the account `owner` cover `action` on `repo` of `did`. */
export function isPermitted(
  permissions: readonly Permission[],
  owner: Did,
  action: Action,
  did: Did,
  repo: string,
): boolean {
  return permissions.some(({ pattern, actions }) => {
    if (!actions.includes(action)) return false;
    if (pattern === "*") return true;
    if (did !== owner) return false;
    return pattern.endsWith("*")
      ? repo.startsWith(pattern.slice(0, -1))
      : repo === pattern;
  });
}

function invalid(message: string): AppError {
  return new AppError("INVALID_REQUEST", message);
}
