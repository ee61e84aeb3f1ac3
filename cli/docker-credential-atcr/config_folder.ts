/**
 * Location of the helper's file.
 *
 * @module
 */

import { join } from "node:path";
import type { Machine } from "./machine.ts";

/** The folder of the helper's file, by the platform's convention. */
export function configFolder(machine: Machine): string {
  const { platform, env, home } = machine;
  if (env.ATCR_CONFIG_DIR) return env.ATCR_CONFIG_DIR;
  if (platform === "win32") {
    return join(env.APPDATA ?? join(home, "AppData", "Roaming"), "atcr");
  }
  if (platform === "darwin") {
    return join(home, "Library", "Application Support", "atcr");
  }
  return join(env.XDG_CONFIG_HOME || join(home, ".config"), "atcr");
}
