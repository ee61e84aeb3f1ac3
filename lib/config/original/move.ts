/**
 * Reads files of the original ATCR: moves its settings to their paths here, and
 * reports what has no meaning here.
 *
 * @module
 */

import type { Node } from "../setting.ts";
import { isTree, lookUp, remove, store, type Tree } from "../tree.ts";
import { MOVED } from "./moved.ts";
import { ORIGINAL_SECTIONS, RETIRED_PATHS } from "./retired.ts";

/** What is found while reading. */
export interface MoveReports {
  /** Two values contradict each other. */
  refuse(setting: string, message: string): void;
  /** A value has no effect. */
  notice(text: string): void;
}

/** Changes `tree` to the paths of this program; `nodes` are its entries. */
export function moveSettings(
  tree: Tree,
  nodes: readonly Node[],
  reports: MoveReports,
): void {
  for (const { from, to, first } of MOVED) {
    const given = lookUp(tree, from);
    if (given === undefined) continue;
    const value = first && Array.isArray(given) ? given[0] : given;
    const other = lookUp(tree, to);
    if (value !== null && other !== undefined && other !== value) {
      reports.refuse(to, `${from} and ${to} set it to different values`);
    }
    if (value !== null) store(tree, to, other ?? value);
    remove(tree, from);
  }
  for (const { name, reason } of RETIRED_PATHS) {
    const value = lookUp(tree, name);
    if (value === undefined) continue;
    remove(tree, name);
    if (!isEmpty(value)) reports.notice(noMeaning(name, reason));
  }
  const own = new Set(nodes.map(nameOf));
  for (const name of ORIGINAL_SECTIONS) {
    const value = Object.hasOwn(tree, name) ? tree[name] : undefined;
    if (own.has(name) || value === undefined) continue;
    delete tree[name];
    const options = isTree(value) ? Object.entries(value) : [];
    for (const [option, given] of options) {
      if (isEmpty(given)) continue;
      reports.notice(noMeaning(`${name}.${option}`, NO_SUCH_OPTION));
    }
  }
}

const NO_SUCH_OPTION = "this program has no such option";

/** The sentence about an option that has no effect. */
export function noMeaning(name: string, reason = NO_SUCH_OPTION): string {
  return `${name} has no meaning here: ${reason}`;
}

function nameOf(node: Node): string {
  return "leaf" in node ? node.leaf.path : node.section.path;
}

/** Whether nothing is given: no value, or sections and lists without one. */
function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === "") return true;
  if (Array.isArray(value)) return value.length === 0;
  return isTree(value) && Object.values(value).every(isEmpty);
}
