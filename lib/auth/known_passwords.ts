/**
 * Previously verified passwords, as keyed hashes. A known password is still
 * sent to the PDS when guesses of others have exhausted the limit of a shared
 * address. It never replaces verification by the PDS.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { Key, Kv } from "../kv/kv.ts";
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

  /** Looks up the password of a login. */
  async find(name: string, password: string): Promise<FoundPassword> {
    const key = knownPasswordsKey(this.#deps.mac("user name", name));
    const entry = await this.#deps.kv.get<KnownRow>(key);
    const mac = this.macOf(name, password);
    const passwords = entry?.value.passwords ?? [];
    return new FoundPassword(this.#deps, { key, mac, passwords });
  }
}

/** The password of a login, and whether it was verified before. */
class FoundPassword {
  readonly #deps: KnownPasswordsDeps;
  readonly #key: Key;
  readonly #mac: string;
  readonly #known: KnownRow["passwords"][number] | undefined;

  constructor(
    deps: KnownPasswordsDeps,
    { key, mac, passwords }: {
      key: Key;
      mac: string;
      passwords: KnownRow["passwords"];
    },
  ) {
    this.#deps = deps;
    this.#key = key;
    this.#mac = mac;
    this.#known = passwords.find((known) => known.mac === mac);
  }

  /** Whether the password was verified within the last 90 days and not refused since. */
  get isKnown(): boolean {
    return this.#known !== undefined;
  }

  /** Records that the PDS has accepted the password. */
  async remember(): Promise<void> {
    const now = this.#deps.clock.now();
    if (this.#known && Math.abs(now - this.#known.rightAt) < DAY_MS) return;
    const mac = this.#mac;
    await this.#change((passwords) => {
      const others = passwords.filter((other) => other.mac !== mac);
      return [{ mac, rightAt: now }, ...others].slice(0, KEPT);
    });
  }

  /** Records that the PDS has refused the password. */
  async forget(): Promise<void> {
    await this.#change((passwords) =>
      passwords.some((known) => known.mac === this.#mac)
        ? passwords.filter((known) => known.mac !== this.#mac)
        : passwords
    );
  }

  /** If it loses against another change, the next login or refusal repeats it. */
  async #change(
    next: (passwords: KnownRow["passwords"]) => KnownRow["passwords"],
  ): Promise<void> {
    const { kv, clock } = this.#deps;
    const entry = await kv.get<KnownRow>(this.#key);
    const before = entry?.value.passwords ?? [];
    const passwords = next(before);
    if (passwords === before) return;
    const row: KnownRow = { passwords };
    await kv.atomic().check(this.#key, entry?.versionstamp ?? null)
      .set(this.#key, row, { expiresAt: clock.now() + KEEP_MS }).commit();
  }
}
