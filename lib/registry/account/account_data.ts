/**
 * What is stored about an account, here and at holds: its export and its
 * deletion.
 *
 * @module
 */

import { z } from "zod";
import type { Clock } from "../../clock.ts";
import { type Did, storedDidSchema } from "../../did.ts";
import { isAppError } from "../../errors.ts";
import { enqueue, type JobKind } from "../../kv/jobs/jobs.ts";
import type { Kv } from "../../kv/kv.ts";
import type { HoldMembers } from "../hold_members.ts";
import type { GroupName } from "./account_groups.ts";

/** One kind of data that this server keeps about accounts. */
export interface AccountPart {
  readonly name: GroupName;
  /** Whether it gives access to the account, and goes before the deletion is confirmed. */
  readonly isAccess: boolean;
  /** What it keeps, without secrets, as JSON. */
  read(did: Did): AsyncIterable<unknown>;
  /**
   * Removes it, in commits of bounded size. Repeated after an interruption it
   * continues. Throws the reason of `signal`.
   */
  remove(did: Did, signal: AbortSignal): Promise<void>;
}

export interface AccountDataDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly members: HoldMembers;
  /** In the order in which they are removed. */
  readonly parts: readonly AccountPart[];
  /** Starts the job at once. */
  readonly wake: () => void;
}

/** What is to be deleted. */
export interface DeletionWish {
  readonly registry: boolean;
  readonly holds: readonly Did[];
}

const payload = z.object({ did: storedDidSchema });

/** Removes what gives no access; any instance continues it. */
export const ACCOUNT_DELETION: JobKind<z.infer<typeof payload>> = {
  name: "registry.account_deletion",
  payload,
  concurrency: 1,
};

/** Exports and deletes. */
export class AccountData {
  readonly #deps: AccountDataDeps;

  constructor(deps: AccountDataDeps) {
    this.#deps = deps;
  }

  /**
   * Everything about an account, from here and from `holds`, as the text of one
   * JSON object in pieces: `account`, `exportedAt`, `registry` with a list for
   * each part, and `holds` by DID, with `error`, a sentence, for one that did
   * not answer. Reads as it is consumed; one row is in memory at a time.
   */
  async *export(did: Did, holds: readonly Did[]): AsyncGenerator<string> {
    const { clock, parts } = this.#deps;
    const exportedAt = new Date(clock.now()).toISOString();
    yield `{"account":${text(did)},"exportedAt":${text(exportedAt)},\n`;
    yield `"registry":{`;
    for (const [i, { name, read }] of parts.entries()) {
      yield `${i === 0 ? "" : ","}\n${text(name)}:[`;
      let comma = "";
      for await (const item of read(did)) {
        yield `${comma}\n${text(item)}`;
        comma = ",";
      }
      yield "]";
    }
    yield `},\n"holds":{`;
    for (const [i, hold] of holds.entries()) {
      const found = await this.#atHold(did, hold);
      yield `${i === 0 ? "" : ","}\n${text(hold)}:${text(found)}`;
    }
    yield "}}\n";
  }

  async #atHold(did: Did, hold: Did): Promise<unknown> {
    try {
      return await (await this.#deps.members.get(hold)).exportData(did);
    } catch (error) {
      if (!isAppError(error)) throw error;
      return { error: error.message };
    }
  }

  /**
   * Deletes what is wished; what this server keeps goes last, because it is
   * needed to speak to holds. Returns the holds that refused, each with a
   * sentence; nothing of this server goes then, so that it can be repeated.
   * Access ends at once; the rest is removed by {@linkcode ACCOUNT_DELETION}.
   */
  async delete(
    did: Did,
    { registry, holds }: DeletionWish,
  ): Promise<ReadonlyMap<Did, string>> {
    const { members } = this.#deps;
    const refused = new Map<Did, string>();
    for (const hold of holds) {
      try {
        await (await members.get(hold)).deleteData(did);
      } catch (error) {
        if (!isAppError(error)) throw error;
        refused.set(hold, error.message);
      }
    }
    if (registry && refused.size === 0) await this.#deleteHere(did);
    return refused;
  }

  async #deleteHere(did: Did): Promise<void> {
    const { kv, clock, parts, wake } = this.#deps;
    // Access ends also where the client does not wait for it.
    const { signal } = new AbortController();
    // Queued first: the rest goes also where this instance stops in between.
    const commit = kv.atomic();
    enqueue(commit, clock, ACCOUNT_DELETION, { did }, { dedupeKey: did });
    await commit.commit();
    for (const part of parts) {
      if (part.isAccess) await part.remove(did, signal);
    }
    wake();
  }

  /**
   * Removes what gives no access: the account may have signed in again. The
   * handler of {@linkcode ACCOUNT_DELETION}; a run after another one that was
   * interrupted finds what is left.
   */
  async run({ did }: { did: Did }, signal: AbortSignal): Promise<void> {
    for (const part of this.#deps.parts) {
      if (!part.isAccess) await part.remove(did, signal);
    }
  }
}

function text(value: unknown): string {
  return JSON.stringify(value) ?? "null";
}
