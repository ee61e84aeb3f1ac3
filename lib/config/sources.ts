/**
 * Reads the sources of the configuration, the YAML file and the environment,
 * into one tree of unvalidated values.
 *
 * @module
 */

import { parseDocument } from "yaml";
import type { Mistake } from "./config_error.ts";
import { ALIASES } from "./original/aliases.ts";
import { moveSettings, noMeaning } from "./original/move.ts";
import { variableOf } from "./original/moved.ts";
import {
  ORIGINAL_SECTIONS,
  RETIRED,
  RETIRED_PATHS,
} from "./original/retired.ts";
import { leavesOf, type Node } from "./setting.ts";
import { isTree, lookUp, store, type Tree } from "./tree.ts";

/** Maximum length of the configuration file in characters. */
const MAX_FILE_LENGTH = 1_000_000;

/** Values of the sources before validation. */
export interface Sources {
  readonly tree: Tree;
  /** Where each given setting comes from: path to variable or file name. */
  readonly origins: Map<string, string>;
  readonly mistakes: Mistake[];
  /** Warnings about values without effect. */
  readonly notices: string[];
}

/** Parses YAML `text` of `file`; sections and settings without a value count as not given. */
export function readYaml(
  text: string,
  file: string,
  nodes: readonly Node[],
): Sources {
  const origins = new Map<string, string>();
  const mistakes: Mistake[] = [];
  const wrong = (message: string): Sources => {
    mistakes.push({ setting: file, source: undefined, message });
    return { tree: {}, origins, mistakes, notices: [] };
  };
  if (text.length > MAX_FILE_LENGTH) return wrong("is too long");
  const document = parseDocument(text, { logLevel: "error" });
  for (const error of document.errors) {
    // The first line has the error and its position; the others quote the text.
    wrong(error.message.split("\n")[0] ?? "is no YAML");
  }
  if (mistakes.length > 0) return { tree: {}, origins, mistakes, notices: [] };
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    return wrong(error instanceof Error ? error.message : "is no YAML");
  }
  if (value === null || value === undefined) value = {};
  if (!isTree(value)) return wrong("must hold settings, as log_level: info");
  dropEmpty(value, nodes);
  const notices: string[] = [];
  moveSettings(value, nodes, {
    refuse: (setting, message) =>
      mistakes.push({ setting, source: file, message }),
    notice: (text) => notices.push(text),
  });
  for (const { path } of leavesOf(nodes)) {
    if (lookUp(value, path) !== undefined) origins.set(path, file);
  }
  return { tree: value, origins, mistakes, notices };
}

/**
 * Overrides `sources` with the variables of `env`. An empty variable counts as
 * not set. Unknown variables are ignored, except those that begin with `ATCR_`.
 */
export function readEnvironment(
  env: Readonly<Record<string, string>>,
  sources: Sources,
  nodes: readonly Node[],
): void {
  const given = (name: string) => {
    const value = Object.hasOwn(env, name) ? env[name]?.trim() : undefined;
    return value === "" ? undefined : value;
  };
  const set = (path: string, name: string, value: string) => {
    store(sources.tree, path, value);
    sources.origins.set(path, name);
  };
  const known = new Set(ALIASES.map(({ name }) => name));
  for (const [path, { name, value }] of readAliases(given, sources.mistakes)) {
    set(path, name, value);
  }
  for (const { path, env: name } of leavesOf(nodes)) {
    known.add(name);
    const value = given(name);
    if (value !== undefined) set(path, name, value);
  }
  const retired = [
    ...RETIRED,
    ...RETIRED_PATHS.map(({ name, reason }) => ({
      name: variableOf(name),
      reason,
    })),
  ];
  for (const { name, reason } of retired) {
    known.add(name);
    if (given(name) !== undefined) {
      sources.notices.push(noMeaning(name, reason));
    }
  }
  for (const name of Object.keys(env)) {
    if (!name.startsWith("ATCR_") || known.has(name)) continue;
    if (isOfOriginal(name, nodes)) {
      if (given(name) !== undefined) sources.notices.push(noMeaning(name));
      continue;
    }
    sources.mistakes.push({
      setting: name,
      source: undefined,
      message: "is not a setting; config init prints all of them",
    });
  }
}

/** Values of aliases, by the path of the setting; those that disagree are mistakes. */
function readAliases(
  given: (name: string) => string | undefined,
  mistakes: Mistake[],
): Map<string, { name: string; value: string }> {
  const byPath = new Map<string, { name: string; value: string }>();
  for (const { name, path, inverted = false } of ALIASES) {
    const text = given(name);
    if (text === undefined) continue;
    const value = inverted ? opposite(text) : text;
    const other = byPath.get(path);
    if (other !== undefined && other.value !== value) {
      mistakes.push({
        setting: path,
        source: name,
        message: `${other.name} and ${name} set it to different values`,
      });
    }
    if (other === undefined) byPath.set(path, { name, value });
  }
  return byPath;
}

/** Whether a variable belongs to a section that only the original has. */
function isOfOriginal(name: string, nodes: readonly Node[]): boolean {
  const own = new Set(
    nodes.map((node) => "section" in node ? node.section.path : ""),
  );
  return ORIGINAL_SECTIONS.some((section) =>
    !own.has(section) && name.startsWith(`${variableOf(section)}_`)
  );
}

/** Inverts the value of an inverted variable; returns it unchanged when it is not a boolean. */
function opposite(value: string): string {
  if (/^(true|1|yes|on)$/i.test(value)) return "false";
  return /^(false|0|no|off)$/i.test(value) ? "true" : value;
}

function dropEmpty(tree: Tree, nodes: readonly Node[]): void {
  for (const node of nodes) {
    const path = "leaf" in node ? node.leaf.path : node.section.path;
    const name = path.slice(path.lastIndexOf(".") + 1);
    const value = Object.hasOwn(tree, name) ? tree[name] : undefined;
    if (value === null || value === "") delete tree[name];
    else if ("section" in node && isTree(value)) {
      dropEmpty(value, node.section.nodes);
    }
  }
}
