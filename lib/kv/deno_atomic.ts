/**
 * Transactions on Deno KV.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { CommitSize } from "./commit_size.ts";
import { visible, wrap } from "./expiry.ts";
import type { Check, GroupCommit, Mutation } from "./group_commit.ts";
import type { Atomic, Key } from "./kv.ts";
import { KV_LIMITS } from "./limits.ts";
import type { RetryPolicy } from "./retry.ts";

/** {@linkcode Atomic} over Deno KV. */
export class DenoAtomic implements Atomic {
  readonly #kv: Deno.Kv;
  readonly #try: RetryPolicy;
  readonly #commits: GroupCommit;
  readonly #clock: Clock;
  readonly #isLocal: boolean;
  readonly #checks: Check[] = [];
  readonly #mutations: Mutation[] = [];
  readonly #size = new CommitSize();

  constructor(
    kv: Deno.Kv,
    policy: RetryPolicy,
    commits: GroupCommit,
    clock: Clock,
    isLocal: boolean,
  ) {
    this.#kv = kv;
    this.#try = policy;
    this.#commits = commits;
    this.#clock = clock;
    this.#isLocal = isLocal;
  }

  check(key: Key, versionstamp: string | null): this {
    this.#size.check(key);
    this.#checks.push({ key, versionstamp });
    return this;
  }

  set(
    key: Key,
    value: unknown,
    options: { expiresAt?: number } = {},
  ): this {
    const { stored, bytes, native } = wrap(
      value,
      options.expiresAt,
      this.#clock,
    );
    this.#size.value(key, bytes);
    const expiry = this.#isLocal ? {} : native;
    const apply: Mutation["apply"] = (to) => to.set(key, stored, expiry);
    this.#mutations.push({ key, apply });
    return this;
  }

  delete(key: Key): this {
    this.#size.delete(key);
    this.#mutations.push({ key, apply: (native) => native.delete(key) });
    return this;
  }

  sum(key: Key, by: bigint): this {
    this.#size.value(key, 8);
    const wrapped = BigInt.asUintN(64, by);
    this.#mutations.push({ key, apply: (native) => native.sum(key, wrapped) });
    return this;
  }

  async commit(): Promise<boolean> {
    this.#size.assertFits();
    let checks = this.#checks;
    // Expired rows can be replaced concurrently, so one attempt may not be enough.
    for (let attempt = 0; attempt < 3; attempt++) {
      const change = {
        checks,
        mutations: this.#mutations,
        bytes: this.#size.bytes,
        keyBytes: this.#size.keyBytes,
      };
      if (await this.#commits.commit(change)) return true;
      const forgiving = await this.#forgiveExpired();
      if (forgiving === undefined) return false;
      checks = forgiving;
    }
    return false;
  }

  /**
   * Returns the checks with expired entries as absent, although the store has
   * not swept them yet; undefined when no check failed for that reason.
   */
  async #forgiveExpired(): Promise<Check[] | undefined> {
    const absent = this.#checks.filter((c) => c.versionstamp === null);
    const entries = await readMany(
      this.#kv,
      this.#try,
      absent.map((c) => c.key),
    );
    const expired = new Map<Check, string>();
    for (const [i, entry] of entries.entries()) {
      if (entry.versionstamp === null) continue;
      const dead = visible(entry, this.#clock.now()) === undefined;
      const check = absent[i];
      if (!dead || check === undefined) return undefined;
      expired.set(check, entry.versionstamp);
    }
    if (expired.size === 0) return undefined;
    return this.#checks.map((check) => ({
      key: check.key,
      versionstamp: expired.get(check) ?? check.versionstamp,
    }));
  }
}

/** Concurrent reads; bounds the memory of one call to about 6 MB of buffered results. */
const READ_AHEAD = 10 * KV_LIMITS.readKeys;

/** Reads the entries at `keys` in the largest groups that the store allows. */
export async function readMany<T>(
  kv: Deno.Kv,
  policy: RetryPolicy,
  keys: readonly Key[],
): Promise<Deno.KvEntryMaybe<T>[]> {
  if (keys.length === 0) return [];
  if (keys.length <= KV_LIMITS.readKeys) {
    return await policy(() => kv.getMany<T[]>(keys));
  }
  const entries: Deno.KvEntryMaybe<T>[] = [];
  for (let i = 0; i < keys.length; i += READ_AHEAD) {
    const groups: Promise<Deno.KvEntryMaybe<T>[]>[] = [];
    const end = Math.min(i + READ_AHEAD, keys.length);
    for (let j = i; j < end; j += KV_LIMITS.readKeys) {
      const group = keys.slice(j, Math.min(j + KV_LIMITS.readKeys, end));
      groups.push(policy(() => kv.getMany<T[]>(group)));
    }
    entries.push(...(await Promise.all(groups)).flat());
  }
  return entries;
}
