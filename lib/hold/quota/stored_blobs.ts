/**
 * Commits blobs that become readable and are charged. Blobs of one user that
 * arrive while an earlier commit runs are committed together: each commit
 * changes the account, so they cannot run concurrently.
 *
 * @module
 */

import type { KeyedMutex } from "../../async/keyed_mutex.ts";
import type { Did } from "../../did.ts";
import type { Atomic } from "../../kv/kv.ts";
import type { Blob } from "./claims.ts";

/** A stored blob. */
export interface StoredBlob {
  readonly blob: Blob;
  /** The reservation that ends. */
  readonly uploadId: string;
  /** Adds what makes the blob readable, with at most one check. */
  readonly publish: (to: Atomic) => void;
}

interface Waiting extends StoredBlob {
  readonly resolve: (committed: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/** Blobs per commit: it has at most ten checks, and one is the account's. */
const MAX_GROUP = 9;

/** Commits groups of blobs, one group per user at a time. */
export class StoredBlobs {
  readonly #turns: KeyedMutex;
  readonly #commit: (
    user: Did,
    group: readonly StoredBlob[],
  ) => Promise<boolean>;
  readonly #waiting = new Map<Did, Waiting[]>();

  /**
   * @param commit commits a group; returns false when a check failed. `turns`
   * is shared with other changes of accounts.
   */
  constructor(
    turns: KeyedMutex,
    commit: (user: Did, group: readonly StoredBlob[]) => Promise<boolean>,
  ) {
    this.#turns = turns;
    this.#commit = commit;
  }

  /** Returns false when a check of the blob's own commit failed. Throws the store's errors. */
  commit(user: Did, stored: StoredBlob): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const next = { ...stored, resolve, reject };
      const waiting = this.#waiting.get(user);
      if (waiting) {
        waiting.push(next);
        return;
      }
      this.#waiting.set(user, [next]);
      void this.#turns.run(user, () => this.#take(user));
    });
  }

  /** Commits all that wait. Never rejects. */
  async #take(user: Did): Promise<void> {
    const waiting = this.#waiting.get(user) ?? [];
    this.#waiting.delete(user);
    for (const group of groupsOf(waiting)) {
      try {
        await this.#settle(user, group);
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
  }

  /** Commits one by one when a group fails, so that one does not affect the others. */
  async #settle(user: Did, group: readonly Waiting[]): Promise<void> {
    if (group.length > 1 && await this.#commit(user, group)) {
      for (const { resolve } of group) resolve(true);
      return;
    }
    for (const one of group) one.resolve(await this.#commit(user, [one]));
  }
}

/** Splits `waiting` into groups without duplicate blobs. */
function groupsOf(waiting: readonly Waiting[]): Waiting[][] {
  const groups: Waiting[][] = [];
  for (const next of waiting) {
    const { digest } = next.blob;
    const group = groups.find((some) =>
      some.length < MAX_GROUP &&
      some.every(({ blob }) => blob.digest !== digest)
    );
    if (group) group.push(next);
    else groups.push([next]);
  }
  return groups;
}
