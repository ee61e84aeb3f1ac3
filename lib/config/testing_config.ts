/**
 * Loads configurations from texts, for tests.
 *
 * @module
 */

import assert from "node:assert/strict";
import { loadConfig } from "./config.ts";
import { ConfigError } from "./config_error.ts";

/** A key as in settings. */
export const KEY = "00".repeat(32);

/** The environment of a server with a public address. */
export const PUBLIC = {
  ATCR_SERVER_BASE_URL: "https://registry.example.com",
  ATCR_SECRET_KEY: KEY,
};

/** Loads a configuration; `yaml` is the text of its file. */
export function load(env: Record<string, string>, yaml?: string) {
  const args = yaml === undefined ? [] : ["serve", "--config", "atcr.yaml"];
  return loadConfig({ args, env, readTextFile: () => yaml ?? "" });
}

/** The mistakes of a configuration that must not load, as `setting: message`. */
export function mistakes(env: Record<string, string>, yaml?: string): string[] {
  try {
    load(env, yaml);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.mistakes.map((m) => `${m.setting}: ${m.message}`);
  }
  assert.fail("it was taken");
}
