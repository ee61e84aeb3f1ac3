/**
 * `config init` and `config check`.
 *
 * @module
 */

import { renderConfig, renderDefaultYaml } from "../lib/config/render.ts";
import type { Command } from "./command.ts";

/** Commands about the configuration. */
export const CONFIG_COMMANDS: readonly Command[] = [
  {
    name: "config init",
    synopsis: "[FILE]",
    doc: "print a commented configuration with every setting, or write it to " +
      "a new file",
    operands: [0, 1],
    run: async ({ print, writeNewFile, operands: [file] }) => {
      if (file === undefined) return print(renderDefaultYaml());
      await writeNewFile(file, renderDefaultYaml());
      print(`Written to ${file}.`);
    },
  },
  {
    name: "config check",
    doc: "print the effective configuration, secrets hidden",
    run: ({ print, config }) => print(renderConfig(config())),
  },
];
