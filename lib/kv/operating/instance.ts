/**
 * Whether a process that uses the store is alive: each writes a row that expires
 * in a few seconds unless it is written again.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import { instanceKey } from "../keys.ts";
import type { Kv } from "../kv.ts";

/** After this time without a sign a process counts as dead, in milliseconds. */
const ALIVE_MS = 5_000;

/** Signs are given this often, so that three may be late. */
const BEAT_MS = ALIVE_MS / 4;

/** This process, and whether others are alive. */
export class Instance {
  /** Unique for each start. */
  readonly id: string = crypto.randomUUID();
  readonly #kv: Kv;
  readonly #clock: Clock;
  readonly #stopped = new AbortController();
  #beating: Promise<void> | undefined;

  /** `clock` must be that of `kv`; those of all instances agree to a second. */
  constructor({ kv, clock }: { kv: Kv; clock: Clock }) {
    this.#kv = kv;
    this.#clock = clock;
  }

  /** Begins to give signs; resolves after the first one. */
  async start(): Promise<void> {
    await this.#beat();
    this.#beating ??= this.#run();
  }

  /** Whether it gives signs, so that what it holds may be taken over when they end. */
  get isRunning(): boolean {
    return this.#beating !== undefined;
  }

  /** Whether the process `id` gave a sign in the last seconds. */
  async isAlive(id: string): Promise<boolean> {
    return id === this.id || await this.#kv.get(instanceKey(id)) !== undefined;
  }

  /** Ends the signs: what this process still holds is free. */
  async stop(): Promise<void> {
    this.#stopped.abort(new Error("stopped"));
    await this.#beating;
    await this.#kv.delete(instanceKey(this.id)).catch(() => {});
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await this.#clock.sleep(BEAT_MS, signal);
      // While the store is away nobody can take anything over.
      if (!signal.aborted) await this.#beat().catch(() => {});
    }
  }

  async #beat(): Promise<void> {
    const expiresAt = this.#clock.now() + ALIVE_MS;
    await this.#kv.set(instanceKey(this.id), true, { expiresAt });
  }
}
