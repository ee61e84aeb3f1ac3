/**
 * The configuration as text: commented defaults for `config init` and the
 * effective values for `config check`.
 *
 * @module
 */

import { stringify } from "yaml";
import type { Config } from "./config.ts";
import { ALIASES } from "./original/aliases.ts";
import { settingsSchema } from "./schema.ts";
import { type Leaf, type Node, nodesOf } from "./setting.ts";
import { lookUp } from "./tree.ts";

const WIDTH = 78;

const INTRODUCTION = "Configuration of ATCR. Environment variables win over " +
  "this file; their names stand above each setting. What begins with # is not " +
  "set: remove the # to set it.";

/** Renders a file with every setting, its documentation and its default, all commented out. */
export function renderDefaultYaml(): string {
  const lines = [...comment(INTRODUCTION, "")];
  const visit = (nodes: readonly Node[], indent: string) => {
    for (const node of nodes) {
      lines.push("");
      if ("section" in node) {
        const { doc, path, nodes } = node.section;
        lines.push(...comment(doc, indent), `${indent}${nameOf(path)}:`);
        visit(nodes, `${indent}  `);
        continue;
      }
      const { leaf } = node;
      lines.push(...comment(leaf.doc, indent));
      lines.push(...comment(`Allowed: ${leaf.allowed}.`, indent));
      if (leaf.default === undefined) {
        lines.push(...comment(`Without it: ${without(leaf)}.`, indent));
      }
      lines.push(...comment(names(leaf).join(", "), indent));
      const unset = leaf.default === undefined;
      const value = unset ? "" : ` ${inline(leaf.default)}`;
      lines.push(`${indent}${unset ? "# " : ""}${nameOf(leaf.path)}:${value}`);
    }
  };
  visit(nodesOf(settingsSchema), "");
  return lines.join("\n") + "\n";
}

/** Renders every setting with its final value and its source; secrets are hidden. */
export function renderConfig(config: Config): string {
  const lines: string[] = [];
  const visit = (nodes: readonly Node[], indent: string) => {
    for (const node of nodes) {
      if ("section" in node) {
        lines.push(`${indent}${nameOf(node.section.path)}:`);
        visit(node.section.nodes, `${indent}  `);
        continue;
      }
      const { leaf } = node;
      const value = lookUp(config, leaf.path);
      const unset = value === undefined;
      const shown = unset
        ? ""
        : leaf.secret
        ? " (hidden)"
        : ` ${inline(value)}`;
      const from = config.origin.settings.get(leaf.path) ??
        (leaf.default === undefined ? without(leaf) : "default");
      lines.push(`${indent}${nameOf(leaf.path)}:${shown}  # ${from}`);
    }
  };
  visit(nodesOf(settingsSchema), "");
  const notices = [...config.origin.notices, ...sandboxNotice(config)];
  for (const notice of notices) lines.push(`# ${notice}`);
  return lines.join("\n") + "\n";
}

/** What `identity.plc_url` does not say while the sandbox is used. */
function sandboxNotice({ sandbox, identity }: Config): string[] {
  if (!sandbox.enabled) return [];
  return [
    `The sandbox is used: did:plc identities are created in its directory at http://localhost:${sandbox.plc_port} and looked up there first, then at ${identity.plc_url}.`,
  ];
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}

/** Describes the effect of `leaf` without a value. */
export function without(leaf: Leaf): string {
  return leaf.otherwise ?? "not set";
}

/** All environment variables of `leaf`, its own first. */
function names(leaf: Leaf): string[] {
  const others = ALIASES.filter((alias) => alias.path === leaf.path)
    .map(({ name, inverted }) => inverted ? `${name} (the opposite)` : name);
  return [leaf.env, ...others];
}

/** A value as one line of YAML. */
export function inline(value: unknown): string {
  const text = stringify(value, {
    collectionStyle: "flow",
    flowCollectionPadding: false,
    blockQuote: false,
    lineWidth: 0,
  });
  return text.trimEnd();
}

/** Wraps `text` as comment lines. */
function comment(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent.length + line.length + word.length + 3 > WIDTH) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return [...lines, line].map((line) => `${indent}# ${line}`);
}
