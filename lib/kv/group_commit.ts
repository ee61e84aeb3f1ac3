/**
 * Group commit: commits that arrive while the store is busy are merged into
 * one. A local store flushes the disk for every commit, one after another;
 * merged commits share a flush, so that throughput is bounded by the bytes
 * written and not by the number of flushes.
 *
 * @module
 */

import { isAppError } from "../errors.ts";
import type { Key } from "./kv.ts";
import { KV_LIMITS } from "./limits.ts";
import type { RetryPolicy } from "./retry.ts";

/** Requires that `key` still has `versionstamp`. */
export interface Check {
  readonly key: Key;
  readonly versionstamp: string | null;
}

/** A change of one key. */
export interface Mutation {
  readonly key: Key;
  readonly apply: (native: Deno.AtomicOperation) => void;
}

/** One commit, applied completely or not at all. */
export interface Change {
  readonly checks: readonly Check[];
  readonly mutations: readonly Mutation[];
  /** Size in bytes as {@linkcode KV_LIMITS} counts it. */
  readonly bytes: number;
  /** Bytes of the keys under which values are stored. */
  readonly keyBytes: number;
}

interface Waiting {
  readonly change: Change;
  /** Names of what it checks and changes; made when they are needed first. */
  keys?: readonly string[];
  readonly resolve: (applied: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/** A local store accepts more checks than {@linkcode KV_LIMITS} allows for one change. */
const LOCAL_CHECKS = 100;

/** Applies changes to one store. */
export class GroupCommit {
  readonly #kv: Deno.Kv;
  readonly #join: boolean;
  readonly #try: RetryPolicy;
  #waiting: Waiting[] = [];
  #busy = false;

  /**
   * @param join false for a remote store, which handles concurrent commits
   * well.
   */
  constructor(kv: Deno.Kv, join: boolean, policy: RetryPolicy) {
    this.#kv = kv;
    this.#join = join;
    this.#try = policy;
  }

  /** True when applied; false when a check failed. */
  commit(change: Change): Promise<boolean> {
    if (!this.#join) return this.#apply([change]);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ change, resolve, reject });
      if (!this.#busy) this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#busy = true;
    while (this.#waiting.length > 0) {
      const { group, rest } = firstGroup(this.#waiting);
      this.#waiting = rest;
      await this.#settle(group);
    }
    this.#busy = false;
  }

  /**
   * Applies a group at once, and one by one if that fails, so that one failing
   * change does not affect the others.
   */
  async #settle(group: readonly Waiting[]): Promise<void> {
    if (group.length > 1) {
      try {
        if (await this.#apply(group.map(({ change }) => change))) {
          for (const { resolve } of group) resolve(true);
          return;
        }
      } catch (error) {
        // Retrying each one would wait for the same lock again.
        if (isAppError(error, "UNAVAILABLE")) {
          for (const { reject } of group) reject(error);
          return;
        }
      }
    }
    for (const { change, resolve, reject } of group) {
      await this.#apply([change]).then(resolve, reject);
    }
  }

  async #apply(changes: readonly Change[]): Promise<boolean> {
    const native = this.#kv.atomic();
    for (const { checks, mutations } of changes) {
      native.check(...checks);
      for (const { apply } of mutations) apply(native);
    }
    return (await this.#try(() => native.commit())).ok;
  }
}

/**
 * Takes as many from the front of `waiting` as fit into one commit. No two of
 * them touch the same key, so that their order does not matter.
 */
function firstGroup(
  waiting: readonly Waiting[],
): { group: Waiting[]; rest: Waiting[] } {
  if (waiting.length === 1) return { group: [...waiting], rest: [] };
  const group: Waiting[] = [];
  const rest: Waiting[] = [];
  const taken = new Set<string>();
  const room = {
    checks: LOCAL_CHECKS,
    mutations: KV_LIMITS.mutations,
    bytes: KV_LIMITS.commitBytes,
    keyBytes: KV_LIMITS.commitKeyBytes,
  };
  for (const [i, next] of waiting.entries()) {
    const { checks, mutations, bytes, keyBytes } = next.change;
    const isTooLarge = checks.length > room.checks ||
      mutations.length > room.mutations || bytes > room.bytes ||
      keyBytes > room.keyBytes;
    // With many waiting, to look at each in every round would take longer than the commits.
    if (isTooLarge) return { group, rest: [...rest, ...waiting.slice(i)] };
    const keys = next.keys ??= namesOf(next.change);
    const isFree = !keys.some((key) => taken.has(key));
    // Later changes must not overtake a waiting one on the same keys.
    for (const key of keys) taken.add(key);
    if (!isFree) {
      rest.push(next);
      continue;
    }
    room.checks -= checks.length;
    room.mutations -= mutations.length;
    room.bytes -= bytes;
    room.keyBytes -= keyBytes;
    group.push(next);
  }
  return { group, rest };
}

function namesOf({ checks, mutations }: Change): string[] {
  return [...checks, ...mutations].map(({ key }) => nameOf(key));
}

/** Equal keys have equal names. Different keys may collide, which only delays one of them. */
function nameOf(key: Key): string {
  return key.join("\0");
}
