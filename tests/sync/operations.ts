/**
 * Mixed operations on the repo of a hold, by several writers at once, through
 * its methods.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Forger } from "../support/forger.ts";
import { xrpc } from "../support/xrpc.ts";

/** Who writes where. */
export interface Target {
  readonly origin: string;
  /** DID of the hold. */
  readonly did: string;
  readonly captain: Forger;
}

/** One change of a record. */
interface Change {
  readonly action: "create" | "update" | "delete";
  readonly rkey: string;
  readonly text?: string;
}

const NOTE = "com.example.note";
const REPO = "com.atproto.repo";

/** Writes as one of several, with record keys of its own. */
export class Writer {
  readonly #target: Target;
  readonly #name: string;
  #state: number;
  #count = 0;
  /** What was acknowledged: record key to text. */
  readonly known = new Map<string, string>();
  /** Record keys of requests that nobody answered. */
  readonly unsure = new Set<string>();

  constructor(target: Target, name: string, seed: number) {
    this.#target = target;
    this.#name = name;
    this.#state = seed;
  }

  /** Sends one request; returns the operations acknowledged by it. */
  async step(): Promise<number> {
    const dice = this.#random();
    const changes = dice < 0.5
      ? [this.#create(dice < 0.03 ? 20_000 : 20)]
      : dice < 0.7
      ? this.#change("update")
      : dice < 0.85
      ? this.#change("delete")
      : this.#batch();
    if (changes.length === 0) return 0;
    try {
      const answer = await this.#send(changes);
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
    } catch (error) {
      // Killed while it was at work: done or not, nobody knows.
      if (!(error instanceof TypeError)) throw error;
      for (const { rkey } of changes) {
        this.unsure.add(rkey);
        this.known.delete(rkey);
      }
      throw error;
    }
    for (const { action, rkey, text = "" } of changes) {
      if (action === "delete") this.known.delete(rkey);
      else this.known.set(rkey, text);
    }
    return changes.length;
  }

  #create(size: number): Change {
    const rkey = `${this.#name}-${this.#count++}`;
    // Some records are equal, and share a CID.
    const text = `${Math.floor(this.#random() * 5)}`.padEnd(size, "x");
    return { action: "create", rkey, text };
  }

  #change(action: "update" | "delete"): Change[] {
    const rkeys = [...this.known.keys()];
    const rkey = rkeys[Math.floor(this.#random() * rkeys.length)];
    if (rkey === undefined) return [];
    const text = `changed ${this.#count++}`;
    return [action === "delete" ? { action, rkey } : { action, rkey, text }];
  }

  #batch(): Change[] {
    const changes = new Map<string, Change>();
    const size = 2 + Math.floor(this.#random() * 20);
    for (let i = 0; i < size; i++) {
      const dice = this.#random();
      const more = dice < 0.6
        ? [this.#create(30)]
        : this.#change(dice < 0.8 ? "update" : "delete");
      for (const change of more) changes.set(change.rkey, change);
    }
    return [...changes.values()];
  }

  async #send(changes: readonly Change[]) {
    const { origin, did, captain } = this.#target;
    const [first] = changes;
    const call = async (name: string, input: object) => {
      const nsid = `${REPO}.${name}`;
      const token = await captain.token(did, nsid);
      return await xrpc(origin, nsid, {
        token,
        input: { repo: did, ...input },
      });
    };
    if (changes.length > 1 || !first) {
      const writes = changes.map(({ action, rkey, text }) => ({
        $type: `${REPO}.applyWrites#${action}`,
        collection: NOTE,
        rkey,
        ...(action === "delete" ? {} : { value: { $type: NOTE, text } }),
      }));
      return await call("applyWrites", { writes });
    }
    const { action, rkey, text } = first;
    const place = { collection: NOTE, rkey };
    if (action === "delete") return await call("deleteRecord", place);
    const record = { $type: NOTE, text };
    const name = action === "create" ? "createRecord" : "putRecord";
    return await call(name, { ...place, record });
  }

  /** From 0 to 1, the same numbers at every run. */
  #random(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#state / 2 ** 32;
  }
}
