/**
 * What is stored about an account, here and at holds: its export and its
 * deletion.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { Did } from "../did.ts";
import { isAppError } from "../errors.ts";
import type { HoldMembers } from "./hold_members.ts";

/** One kind of data that this server keeps about accounts. */
export interface AccountPart {
  readonly name: string;
  /** What it keeps, without secrets, as JSON. */
  read(did: Did): Promise<unknown>;
  remove(did: Did): Promise<void>;
}

export interface AccountDataDeps {
  clock: Clock;
  members: HoldMembers;
  /** In the order in which they are removed. */
  parts: readonly AccountPart[];
}

/** What an account gets. */
export interface AccountExport {
  readonly account: Did;
  readonly exportedAt: string;
  /** By the name of the part. */
  readonly registry: Readonly<Record<string, unknown>>;
  /** By the DID of the hold; with `error`, a sentence, where it did not answer. */
  readonly holds: Readonly<Record<string, unknown>>;
}

/** What is to be deleted. */
export interface DeletionWish {
  readonly registry: boolean;
  readonly holds: readonly Did[];
}

/** Exports and deletes. */
export class AccountData {
  readonly #deps: AccountDataDeps;

  constructor(deps: AccountDataDeps) {
    this.#deps = deps;
  }

  /** Everything about an account, from here and from `holds`, one after the other. */
  async export(did: Did, holds: readonly Did[]): Promise<AccountExport> {
    const { clock, members, parts } = this.#deps;
    const registry: Record<string, unknown> = {};
    for (const part of parts) registry[part.name] = await part.read(did);
    const found: Record<string, unknown> = {};
    for (const hold of holds) {
      try {
        found[hold] = await (await members.get(hold)).exportData(did);
      } catch (error) {
        if (!isAppError(error)) throw error;
        found[hold] = { error: error.message };
      }
    }
    const exportedAt = new Date(clock.now()).toISOString();
    return { account: did, exportedAt, registry, holds: found };
  }

  /**
   * Deletes what is wished; what this server keeps goes last, because it is
   * needed to speak to holds. Returns the holds that refused, each with a
   * sentence; nothing of this server goes then, so that it can be repeated.
   */
  async delete(
    did: Did,
    { registry, holds }: DeletionWish,
  ): Promise<ReadonlyMap<Did, string>> {
    const { members, parts } = this.#deps;
    const refused = new Map<Did, string>();
    for (const hold of holds) {
      try {
        await (await members.get(hold)).deleteData(did);
      } catch (error) {
        if (!isAppError(error)) throw error;
        refused.set(hold, error.message);
      }
    }
    if (registry && refused.size === 0) {
      for (const part of parts) await part.remove(did);
    }
    return refused;
  }
}
