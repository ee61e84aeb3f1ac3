/**
 * The accounts that this machine is signed in to. Their secrets are in the
 * platform's keychain if there is a helper for it, else in the same file, which
 * only its owner can read.
 *
 * @module
 */

import {
  chmod,
  mkdir,
  open,
  readFile,
  rename,
  rm,
  stat,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { Failure } from "./failure.ts";
import { findKeychain, keychain } from "./keychain.ts";
import type { Machine } from "./machine.ts";
import { configFolder } from "./config_folder.ts";

/** An account at a registry. */
export interface Account {
  /** DID, or the user name of a login that a container client has stored. */
  readonly id: string;
  /** Handle, or user name. */
  readonly name: string;
  /** User name for container clients; `<token>` means that the secret is a refresh token. */
  readonly username: string;
  /** `device`: created by `login`; `stored`: stored by a container client. */
  readonly kind: "device" | "stored";
  /** ISO time; for devices. */
  readonly expiresAt?: string;
  /** Keychain helper with the secret; absent when it is in the file. */
  readonly keychain?: string;
  /** Absent when it is in a keychain. */
  readonly secret?: string;
}

/** One registry with its accounts. */
export interface Registry {
  /** Name used by container clients, for example `https://index.docker.io/v1/`. */
  readonly server: string;
  /** Origin of its API, if signed in with `login`. */
  readonly origin?: string;
  /** `id` of the account used when the image does not determine it. */
  readonly active: string;
  readonly accounts: readonly Account[];
}

interface Contents {
  readonly version: 1;
  /** By the name of `serverKey`. */
  readonly registries: Readonly<Record<string, Registry>>;
}

const EMPTY: Contents = { version: 1, registries: {} };

const LOCK_TRIES = 100;
const LOCK_PAUSE_MS = 30;
const LOCK_STALE_MS = 10_000;

/** Reads and writes the accounts. */
export class Accounts {
  readonly #machine: Machine;
  readonly #file: string;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#file = join(configFolder(machine), "accounts.json");
  }

  /** All accounts by registry. Throws {@linkcode Failure} when the file is damaged. */
  async registries(): Promise<Readonly<Record<string, Registry>>> {
    return (await this.#read()).registries;
  }

  /** The secret of an account; undefined when its keychain no longer has it. */
  async secretOf(key: string, account: Account): Promise<string | undefined> {
    if (account.keychain === undefined) return account.secret;
    return await keychain(this.#machine, account.keychain)
      .get(secretName(key, account.id));
  }

  /** Adds an account, or replaces the one with the same id, and makes it the active one. */
  async put(
    key: string,
    registry: Pick<Registry, "server" | "origin">,
    account: Omit<Account, "keychain" | "secret">,
    secret: string,
  ): Promise<void> {
    const found = await findKeychain(this.#machine);
    const name = secretName(key, account.id);
    const taken = await found?.store(name, account.name, secret) ?? false;
    const place = found && taken ? { keychain: found.name } : { secret };
    await this.#change((registries) => {
      const known = registries[key];
      const others = known?.accounts.filter(({ id }) => id !== account.id) ??
        [];
      return {
        ...registries,
        [key]: {
          ...known,
          ...registry,
          active: account.id,
          accounts: [...others, { ...account, ...place }],
        },
      };
    });
  }

  /** Makes an account the active one. */
  async activate(key: string, id: string): Promise<void> {
    await this.#change((registries) => {
      const known = registries[key];
      return known
        ? { ...registries, [key]: { ...known, active: id } }
        : registries;
    });
  }

  /** Removes an account with its secret. */
  async remove(key: string, account: Account): Promise<void> {
    if (account.keychain !== undefined) {
      await keychain(this.#machine, account.keychain)
        .erase(secretName(key, account.id));
    }
    await this.#change((registries) => {
      const { [key]: known, ...others } = registries;
      const left = known?.accounts.filter(({ id }) => id !== account.id) ?? [];
      const [first] = left;
      if (!known || !first) return others;
      const stays = left.some(({ id }) => id === known.active);
      const active = stays ? known.active : first.id;
      return { ...others, [key]: { ...known, active, accounts: left } };
    });
  }

  async #read(): Promise<Contents> {
    let text: string;
    try {
      text = await readFile(this.#file, "utf8");
    } catch (error) {
      if (isMissing(error)) return EMPTY;
      throw new Failure(`${this.#file} cannot be read: ${messageOf(error)}`);
    }
    try {
      const contents: Contents = JSON.parse(text);
      if (contents.version === 1) return contents;
    } catch {
      // Reported below.
    }
    throw new Failure(
      `${this.#file} is damaged or of a newer version. Move it away and log in again.`,
    );
  }

  async #change(
    change: (registries: Contents["registries"]) => Contents["registries"],
  ): Promise<void> {
    await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 });
    const release = await this.#lock();
    try {
      const { registries } = await this.#read();
      const next: Contents = { version: 1, registries: change(registries) };
      await writePrivately(this.#file, `${JSON.stringify(next, null, 2)}\n`);
    } finally {
      await release();
    }
  }

  /** Locks the file against other helpers, because docker runs several at once. */
  async #lock(): Promise<() => Promise<void>> {
    const path = `${this.#file}.lock`;
    for (let attempt = 0; attempt < LOCK_TRIES; attempt++) {
      try {
        await (await open(path, "wx", 0o600)).close();
        return () => rm(path, { force: true });
      } catch {
        await this.#machine.sleep(LOCK_PAUSE_MS);
        const made = await stat(path).catch(() => undefined);
        const stale = made &&
          made.mtimeMs + LOCK_STALE_MS < this.#machine.now();
        if (stale) await rm(path, { force: true });
      }
    }
    throw new Failure(
      `${path} is held by another docker-credential-atcr. Try again, or remove it.`,
    );
  }
}

/** Atomically writes a file that only its owner can read. */
export async function writePrivately(
  path: string,
  text: string,
): Promise<void> {
  const draft = `${path}.${crypto.randomUUID()}`;
  const file = await open(draft, "wx", 0o600);
  try {
    await file.writeFile(text);
  } finally {
    await file.close();
  }
  await chmod(draft, 0o600);
  await rename(draft, path);
}

/** Whether a file does not exist. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** Message of an error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The name of a secret in a keychain; some require a URL. */
function secretName(key: string, id: string): string {
  return `https://${key}/${encodeURIComponent(id)}`;
}
