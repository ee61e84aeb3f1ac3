/**
 * Previously verified passwords, as keyed hashes. A known password is still
 * sent to the PDS when guesses of others have exhausted the limit of a shared
 * address. It never replaces verification by the PDS.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { Kv } from "../kv/kv.ts";
import { knownPasswordsKey } from "./kv_keys.ts";

/** Maximum passwords per user name; more than the programs of one user need. */
const KEPT = 5;

const DAY_MS = 86_400_000;

/** How long an unused password is kept, in milliseconds. */
const KEEP_MS = 90 * DAY_MS;

interface KnownRow {
  /** The one used last comes first. */
  readonly passwords: readonly {
    readonly mac: string;
    /** Milliseconds since the Unix epoch, to within a day. */
    readonly rightAt: number;
  }[];
}

export interface KnownPasswordsDeps {
  kv: Kv;
  clock: Clock;
  /** Keyed hash of its arguments. */
  mac: (...parts: string[]) => string;
}

/** Stores passwords that the PDS has accepted, by user name. */
export class KnownPasswords {
  readonly #deps: KnownPasswordsDeps;

  constructor(deps: KnownPasswordsDeps) {
    this.#deps = deps;
  }

  /** A key for user name and password that reveals neither. */
  macOf(name: string, password: string): string {
    return this.#deps.mac("password", name, password);
  }

  /** Whether this password was verified within the last 90 days and not refused since. */
  async isKnown(name: string, password: string): Promise<boolean> {
    const entry = await this.#deps.kv.get<KnownRow>(this.#keyOf(name));
    const mac = this.macOf(name, password);
    return entry?.value.passwords.some((known) => known.mac === mac) ?? false;
  }

  /** Records that the PDS has accepted the password. */
  async remember(name: string, password: string): Promise<void> {
    const now = this.#deps.clock.now();
    const mac = this.macOf(name, password);
    await this.#change(name, (passwords) => {
      const known = passwords.find((other) => other.mac === mac);
      if (known && Math.abs(now - known.rightAt) < DAY_MS) return passwords;
      const others = passwords.filter((other) => other.mac !== mac);
      return [{ mac, rightAt: now }, ...others].slice(0, KEPT);
    });
  }

  /** Records that the PDS has refused the password. */
  async forget(name: string, password: string): Promise<void> {
    const mac = this.macOf(name, password);
    await this.#change(
      name,
      (passwords) =>
        passwords.some((known) => known.mac === mac)
          ? passwords.filter((known) => known.mac !== mac)
          : passwords,
    );
  }

  /** If it loses against another change, the next login or refusal repeats it. */
  async #change(
    name: string,
    next: (passwords: KnownRow["passwords"]) => KnownRow["passwords"],
  ): Promise<void> {
    const { kv, clock } = this.#deps;
    const key = this.#keyOf(name);
    const entry = await kv.get<KnownRow>(key);
    const before = entry?.value.passwords ?? [];
    const passwords = next(before);
    if (passwords === before) return;
    const row: KnownRow = { passwords };
    await kv.atomic().check(key, entry?.versionstamp ?? null)
      .set(key, row, { expiresAt: clock.now() + KEEP_MS }).commit();
  }

  #keyOf(name: string) {
    return knownPasswordsKey(this.#deps.mac("user name", name));
  }
}
