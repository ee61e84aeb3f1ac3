/**
 * Trees of unvalidated values, as the sources of the configuration give them.
 *
 * @module
 */

/** Values as given, by section and name. */
export type Tree = { [name: string]: unknown };

/** Whether `value` is a map. */
export function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value at `path`, if there is one. */
export function lookUp(tree: unknown, path: string): unknown {
  let value = tree;
  for (const name of path.split(".")) {
    if (!isTree(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

/** Sets `value` at `path`, unless a part of the path is not a section. */
export function store(tree: Tree, path: string, value: unknown): void {
  const names = path.split(".");
  const last = names.pop() ?? path;
  let section: unknown = tree;
  for (const name of names) {
    if (!isTree(section)) return;
    section = section[name] ??= {};
  }
  if (isTree(section)) section[last] = value;
}

/** Removes the value at `path`. */
export function remove(tree: Tree, path: string): void {
  const names = path.split(".");
  const last = names.pop() ?? path;
  const section = names.length === 0 ? tree : lookUp(tree, names.join("."));
  if (isTree(section)) delete section[last];
}
