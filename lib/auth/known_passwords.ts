/**
 * Which passwords were right before, as keyed hashes. One that was opens the
 * way to the PDS when guesses of other people have used up the limit of a
 * shared address. It never stands in for the answer of the PDS.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { Kv } from "../kv/kv.ts";
import { knownPasswordsKey } from "./kv_keys.ts";

/** Passwords of one user name; more programs than these share one. */
const KEPT = 5;

const DAY_MS = 86_400_000;

/** A password that was not used for this time counts as a new one, in milliseconds. */
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

/** Remembers passwords that the PDS has taken, by the user name they came with. */
export class KnownPasswords {
  readonly #deps: KnownPasswordsDeps;

  constructor(deps: KnownPasswordsDeps) {
    this.#deps = deps;
  }

  /** A name for user name and password that reveals neither. */
  macOf(name: string, password: string): string {
    return this.#deps.mac("password", name, password);
  }

  /** Whether this password was right within the last 90 days and not refused since. */
  async isKnown(name: string, password: string): Promise<boolean> {
    const entry = await this.#deps.kv.get<KnownRow>(this.#keyOf(name));
    const mac = this.macOf(name, password);
    return entry?.value.passwords.some((known) => known.mac === mac) ?? false;
  }

  /** Takes note that the PDS has taken the password. */
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

  /** Takes note that the PDS has refused the password. */
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

  /** Lost to another change, the next login or refusal makes it. */
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
