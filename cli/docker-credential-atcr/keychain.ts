/**
 * Keychains of the platform, used through docker's own helpers.
 *
 * @module
 */

import { Failure } from "./failure.ts";
import type { Machine } from "./machine.ts";

/** A keychain. */
export interface Keychain {
  /** Name of the helper, for example `osxkeychain`. */
  readonly name: string;
  /** The secret kept under `server`; undefined when there is none. */
  get(server: string): Promise<string | undefined>;
  /** Returns false when the keychain refuses it, for example because it is locked. */
  store(server: string, username: string, secret: string): Promise<boolean>;
  erase(server: string): Promise<void>;
}

/** Helpers in the order of preference. */
const HELPERS: Readonly<Record<Machine["platform"], readonly string[]>> = {
  darwin: ["osxkeychain"],
  linux: ["secretservice", "pass"],
  win32: ["wincred"],
};

/**
 * Finds the keychain for secrets; undefined when none is installed and
 * unlocked. `ATCR_KEYCHAIN` names a helper, or `none`.
 */
export async function findKeychain(
  machine: Machine,
): Promise<Keychain | undefined> {
  const chosen = machine.env.ATCR_KEYCHAIN;
  if (chosen === "none") return undefined;
  const names = chosen ? [chosen] : HELPERS[machine.platform];
  for (const name of names) {
    if (!chosen && !canAnswer(machine, name)) continue;
    // A helper may be installed without a working keychain.
    const { code } = await machine.run(command(name), ["list"], "unused");
    if (code === 0) return keychain(machine, name);
  }
  if (!chosen) return undefined;
  throw new Failure(
    `The keychain ${chosen} (ATCR_KEYCHAIN) does not answer; is ${
      command(chosen)
    } installed?`,
  );
}

/** Whether it can be used: without a message bus the secret service hangs. */
function canAnswer({ env }: Machine, name: string): boolean {
  return name !== "secretservice" ||
    env.DBUS_SESSION_BUS_ADDRESS !== undefined;
}

/** The keychain with a name, which may not work. */
export function keychain(machine: Machine, name: string): Keychain {
  const run = (verb: string, stdin: string) =>
    machine.run(command(name), [verb], stdin);
  return {
    name,
    get: async (server) => {
      const { code, stdout } = await run("get", server);
      return code === 0 ? secretIn(stdout) : undefined;
    },
    store: async (server, username, secret) => {
      const entry = { ServerURL: server, Username: username, Secret: secret };
      return (await run("store", JSON.stringify(entry))).code === 0;
    },
    erase: async (server) => {
      await run("erase", server);
    },
  };
}

function command(name: string): string {
  return `docker-credential-${name}`;
}

function secretIn(answer: string): string | undefined {
  try {
    const { Secret }: { Secret?: unknown } = JSON.parse(answer);
    return typeof Secret === "string" ? Secret : undefined;
  } catch {
    return undefined;
  }
}
