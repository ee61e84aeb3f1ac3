/**
 * Remembers that a remote hold is public, so that its images can be pulled
 * while it is away: their manifests are in the repos of their owners.
 *
 * @module
 */

import { type Clock, isWithin } from "../../clock.ts";
import type { Did } from "../../did.ts";
import type { Kv } from "../../kv/kv.ts";
import { registryKeys } from "../kv_keys.ts";

export interface KnownPublicDeps {
  kv: Kv;
  clock: Clock;
  did: Did;
}

/** How long it counts after the hold last said so, in milliseconds. */
const KEEP_MS = 7 * 86_400_000;

/** How exact the time is, in milliseconds: a row is not written at every look. */
const NOTE_MS = 3_600_000;

/** What one hold last said about itself; shared by all instances. */
export class KnownPublic {
  readonly #deps: KnownPublicDeps;

  constructor(deps: KnownPublicDeps) {
    this.#deps = deps;
  }

  /** Whether the hold said within a week that it is public, and nothing else since. */
  async get(): Promise<boolean> {
    return await this.#at(KEEP_MS);
  }

  /** Notes what the hold says now. */
  async note(isPublic: boolean): Promise<void> {
    const { kv, clock, did } = this.#deps;
    const key = registryKeys.publicHold(did);
    if (!isPublic) return await kv.delete(key);
    if (await this.#at(NOTE_MS)) return;
    const now = clock.now();
    await kv.set(key, now, { expiresAt: now + KEEP_MS });
  }

  async #at(lifeMs: number): Promise<boolean> {
    const { kv, clock, did } = this.#deps;
    const entry = await kv.get<number>(registryKeys.publicHold(did));
    return entry !== undefined && isWithin(entry.value, lifeMs, clock.now());
  }
}
