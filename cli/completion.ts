/**
 * Completion of commands and options for shells.
 *
 * @module
 */

import type { Command } from "./command.ts";

/** Shells that are known. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** A shell. */
export type Shell = typeof SHELLS[number];

/** Name under which the program is called; an alias or a compiled file. */
const PROGRAM = "atcr";

/** The script that a shell reads to complete `commands`. */
export function completionScript(
  shell: Shell,
  commands: readonly Command[],
): string {
  const named = commands.filter(({ name }) => name !== "");
  return shell === "fish" ? fish(named) : bash(named, shell);
}

/** The words that may follow each beginning of a command, and its options. */
function followers(commands: readonly Command[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  const add = (before: string, word: string) =>
    found.set(before, (found.get(before) ?? new Set()).add(word));
  for (const { name, options = {} } of commands) {
    const words = name.split(" ");
    for (const [i, word] of words.entries()) {
      add(words.slice(0, i).join(" "), word);
    }
    for (
      const option of ["config", "help", "progress", ...Object.keys(options)]
    ) {
      add(name, `--${option}`);
    }
  }
  return found;
}

function bash(commands: readonly Command[], shell: "bash" | "zsh"): string {
  const cases = [...followers(commands)].map(([before, words]) =>
    `    "${before}") words="${[...words].join(" ")}" ;;`
  );
  const lines = [
    ...(shell === "zsh" ? ["autoload -U +X bashcompinit && bashcompinit"] : []),
    `_${PROGRAM}() {`,
    "  local before words i",
    "  for ((i = 1; i < COMP_CWORD; i++)); do",
    '    [[ ${COMP_WORDS[i]} == -* ]] || before="${before:+$before }${COMP_WORDS[i]}"',
    "  done",
    '  case "$before" in',
    ...cases,
    "  esac",
    '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))',
    "}",
    `complete -o default -F _${PROGRAM} ${PROGRAM}`,
  ];
  return lines.join("\n");
}

function fish(commands: readonly Command[]): string {
  const lines = commands.flatMap(({ name, doc, options = {} }) => {
    const words = name.split(" ");
    const last = words.at(-1) ?? name;
    const before = words.slice(0, -1);
    const condition = before.length === 0
      ? "__fish_use_subcommand"
      : `__fish_seen_subcommand_from ${before.join(" ")}`;
    const text = doc.replaceAll("'", "\\'");
    return [
      `complete -c ${PROGRAM} -n '${condition}' -a ${last} -d '${text}'`,
      ...Object.keys(options).map((option) =>
        `complete -c ${PROGRAM} -n '__fish_seen_subcommand_from ${last}' -l ${option}`
      ),
    ];
  });
  return lines.join("\n");
}
