/**
 * Configures docker to use this helper for a registry.
 *
 * @module
 */

import { lstat, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isMissing, messageOf, writePrivately } from "./accounts.ts";
import { Failure } from "./failure.ts";
import type { Machine } from "./machine.ts";

/** Name of the helper in docker's configuration, without `docker-credential-`. */
const HELPER = "atcr";

/** Path of docker's configuration. */
export function dockerConfigFile(machine: Machine): string {
  const folder = machine.env.DOCKER_CONFIG || join(machine.home, ".docker");
  return join(folder, "config.json");
}

/** Whether docker uses this helper for `host`. */
export async function isConfigured(
  machine: Machine,
  host: string,
): Promise<boolean> {
  const { config } = await read(dockerConfigFile(machine));
  return helpersOf(config)[host] === HELPER || config.credsStore === HELPER;
}

/**
 * Sets the helper for `host` and keeps everything else. Returns false when it
 * was set already. Throws {@linkcode Failure} for a file that is not JSON.
 */
export async function configureDocker(
  machine: Machine,
  host: string,
  file: string = dockerConfigFile(machine),
): Promise<boolean> {
  const { config, indent, exists } = await read(file);
  const helpers = helpersOf(config);
  if (helpers[host] === HELPER) return false;
  const next = { ...config, credHelpers: { ...helpers, [host]: HELPER } };
  const text = `${JSON.stringify(next, null, indent)}\n`;
  if (!exists) {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writePrivately(file, text);
  } else if ((await lstat(file)).isSymbolicLink()) {
    // Replacing the file would break a symbolic link.
    await writeFile(file, text);
  } else {
    await writePrivately(file, text);
  }
  return true;
}

type Config = Record<string, unknown>;

async function read(
  file: string,
): Promise<{ config: Config; indent: string; exists: boolean }> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (isMissing(error)) return { config: {}, indent: "\t", exists: false };
    throw new Failure(`${file} cannot be read: ${messageOf(error)}`);
  }
  try {
    const config: unknown = JSON.parse(text.trim() === "" ? "{}" : text);
    if (typeof config === "object" && config && !Array.isArray(config)) {
      const indent = /^\{\r?\n([ \t]+)/.exec(text)?.[1] ?? "\t";
      return { config: { ...config }, indent, exists: true };
    }
  } catch {
    // Reported below.
  }
  throw new Failure(
    `${file} is not JSON; nothing was changed. Fix it and try again.`,
  );
}

function helpersOf(config: Config): Record<string, unknown> {
  const { credHelpers } = config;
  return typeof credHelpers === "object" && credHelpers !== null
    ? { ...credHelpers }
    : {};
}
