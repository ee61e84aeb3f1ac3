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
    doc: "print a commented configuration with every setting",
    run: ({ print }) => print(renderDefaultYaml()),
  },
  {
    name: "config check",
    doc: "print the effective configuration, secrets hidden",
    run: ({ print, config }) => print(renderConfig(config())),
  },
];
