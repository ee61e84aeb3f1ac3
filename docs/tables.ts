/**
 * The tables of settings, of alternative names and of commands, in Markdown.
 *
 * @module
 */

import { runCommand } from "../cli/commands.ts";
import { ALIASES } from "../lib/config/original/aliases.ts";
import { MOVED } from "../lib/config/original/moved.ts";
import { RETIRED, RETIRED_PATHS } from "../lib/config/original/retired.ts";
import { settingsSchema } from "../lib/config/schema.ts";
import { leavesOf, nodesOf } from "../lib/config/setting.ts";
import { inline, without } from "../lib/config/render.ts";
import {
  ACCOUNT_GROUPS,
  KEPT_ROWS,
} from "../lib/registry/account/account_groups.ts";

/** Every setting: path, environment name, default, meaning. */
export function settingsTable(): string {
  const rows = leavesOf(nodesOf(settingsSchema)).map((leaf) => {
    const fixed = leaf.default === undefined
      ? without(leaf)
      : `\`${inline(leaf.default)}\``;
    return [`\`${leaf.path}\``, `\`${leaf.env}\``, fixed, leaf.doc];
  });
  return markdownTable(["Setting", "Environment", "Default", "Meaning"], rows);
}

/** The environment variables of the original ATCR and the settings they correspond to. */
export function aliasTable(): string {
  const rows = ALIASES.map(({ name, path, inverted }) => [
    `\`${name}\``,
    `\`${path}\`${inverted ? " to the opposite" : ""}`,
  ]);
  const moved = MOVED.map(({ from, to }) => [`\`${from}\``, `\`${to}\``]);
  const retired = [...RETIRED, ...RETIRED_PATHS].map(({ name, reason }) => [
    `\`${name}\``,
    `no meaning here: ${reason}`,
  ]);
  return markdownTable(["Name", "Sets"], [...rows, ...moved, ...retired]);
}

/** The commands as listed by the program, without serve and help. */
export async function commandTable(): Promise<string> {
  let usage = "";
  await runCommand(["help"], {
    print: (text) => usage += text,
    write: () => Promise.reject(new Error("help writes no bytes")),
    writeNewFile: () => Promise.reject(new Error("help writes no files")),
    isTerminal: true,
  });
  const commands = [...usage.matchAll(/^ {2}(\S.*)\n {6}(.*)$/gm)]
    .filter(([, name]) => name !== "help");
  if (commands.length < 10) throw new Error(`Cannot read the usage: ${usage}`);
  return markdownTable(
    ["Command (`deno run -A main.ts …`)", "Does"],
    commands.map(([, name, does = ""]) => [`\`${name}\``, does]),
  );
}

/** What is kept about an account: in an export, with the kinds of rows; and what stays. */
export function accountTable(): string {
  const names = (...kinds: readonly (readonly string[] | undefined)[]) =>
    kinds.flatMap((some) => some ?? []).map((kind) => `\`${kind}\``).join(", ");
  const groups = ACCOUNT_GROUPS.map((
    { name, text, exported, derived, byTime, byService },
  ) => [`\`${name}\``, text, names(exported, derived, byTime, byService)]);
  const kept = KEPT_ROWS.map(({ kinds, because }) => [
    "stays",
    because,
    names(kinds),
  ]);
  return markdownTable(["In the export", "What", "Rows"], [...groups, ...kept]);
}

/** A Markdown table. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const rule = head.map(() => "---");
  return [head, rule, ...rows].map(line).join("\n") + "\n";
}
