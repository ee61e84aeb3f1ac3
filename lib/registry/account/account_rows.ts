/**
 * Reads and removes rows about an account by their kinds.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Entry, Key, KeyPart, Kv } from "../../kv/kv.ts";
import { removeBelow } from "../../kv/operating/remove_below.ts";
import type { AccountGroup } from "./account_groups.ts";

export interface AccountRowsDeps {
  readonly kv: Kv;
  /** Second part of the keys of the index. */
  readonly indexVersion: number;
}

/** A row of an export. */
export interface ExportedRow {
  readonly kind: string;
  /** What follows the kind in the key, without the DID. */
  readonly key: readonly unknown[];
  readonly value: unknown;
}

/** Rows by the groups of {@linkcode AccountGroup}. */
export class AccountRows {
  readonly #deps: AccountRowsDeps;

  constructor(deps: AccountRowsDeps) {
    this.#deps = deps;
  }

  /** The rows of a group that are exported, one after the other. */
  async *read(did: Did, group: AccountGroup): AsyncGenerator<ExportedRow> {
    const { exported = [], byTime = [] } = group;
    for (const kind of exported) {
      yield* this.#read(kind, [...this.#prefix(kind), did], did);
    }
    for (const kind of byTime) {
      for await (const time of this.#times(kind)) {
        yield* this.#read(kind, [...this.#prefix(kind), time, did], did);
      }
    }
  }

  /**
   * Removes the rows of a group, except those that a service removes, in
   * commits of some hundred rows. Repeated after an interruption it continues.
   * Throws the reason of `signal`.
   */
  async remove(
    did: Did,
    group: AccountGroup,
    signal: AbortSignal,
  ): Promise<void> {
    const { exported = [], derived = [], byTime = [] } = group;
    for (const kind of [...exported, ...derived]) {
      await this.#remove([...this.#prefix(kind), did], signal);
    }
    for (const kind of byTime) {
      for await (const time of this.#times(kind)) {
        await this.#remove([...this.#prefix(kind), time, did], signal);
      }
    }
  }

  /** The beginning of the keys of a kind. */
  #prefix(kind: string): Key {
    const [service = "", ...rest] = kind.split("/");
    return service === "index"
      ? [service, this.#deps.indexVersion, ...rest]
      : [service, ...rest];
  }

  async *#read(kind: string, key: Key, did: Did): AsyncGenerator<ExportedRow> {
    const { kv } = this.#deps;
    const own = await kv.get<unknown>(key);
    if (own) yield exportedRow(kind, own, did);
    for await (const entry of kv.list<unknown>({ prefix: key })) {
      yield exportedRow(kind, entry, did);
    }
  }

  async #remove(key: Key, signal: AbortSignal): Promise<void> {
    const { kv } = this.#deps;
    signal.throwIfAborted();
    await kv.delete(key);
    await removeBelow(kv, { prefix: key }, signal);
  }

  /** The days or months that rows of a kind have; one look for each. */
  async *#times(kind: string): AsyncGenerator<KeyPart> {
    const { kv } = this.#deps;
    const prefix = this.#prefix(kind);
    let from: Key = prefix;
    for (;;) {
      const selector = from === prefix ? { prefix } : { prefix, start: from };
      let time: KeyPart | undefined;
      for await (const { key } of kv.list(selector, { limit: 1 })) {
        time = key[prefix.length];
      }
      if (time === undefined) return;
      yield time;
      // Booleans are ordered after all text.
      from = [...prefix, time, true];
    }
  }
}

function exportedRow(
  kind: string,
  { key, value }: Entry<unknown>,
  did: Did,
): ExportedRow {
  const depth = kind.split("/").length + (kind.startsWith("index/") ? 1 : 0);
  return {
    kind,
    key: key.slice(depth).filter((part) => part !== did).map(asJson),
    value: asJson(value),
  };
}

/** A value of the store as JSON has it: counters as numbers, bytes in hexadecimal. */
function asJson(value: unknown): unknown {
  if (value instanceof Deno.KvU64) return Number(value.value);
  if (value instanceof Uint8Array) return value.toHex();
  return typeof value === "bigint" ? String(value) : value;
}
