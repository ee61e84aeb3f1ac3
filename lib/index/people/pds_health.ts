/**
 * Whether the PDSes of accounts respond, for pages that show copies of what is
 * in them.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import { type Clock, isWithin } from "../../clock.ts";
import type { GuardedFetch } from "../../net/guarded_fetch.ts";

export interface PdsHealthDeps {
  readonly clock: Clock;
  readonly fetch: GuardedFetch;
}

/** What is known of one PDS; times in milliseconds since the Unix epoch. */
interface Seen {
  lookedAt: number;
  /** When it responded last, or else when the first look failed. */
  respondedAt: number;
  isAway: boolean;
}

/** A look is repeated after this time, in milliseconds. */
const LOOK_MS = 20_000;

/** Time for a PDS to respond, in milliseconds. */
const TIMEOUT_MS = 5_000;
const MAX_BYTES = 16 * 1024;

/** PDSes that are remembered, and that are looked at together. */
const REMEMBERED = 10_000;
const MAX_LOOKS = 8;

/** Looks at the PDSes whose accounts are shown, each at most every twenty seconds. */
export class PdsHealth {
  readonly #deps: PdsHealthDeps;
  readonly #seen = new LRUCache<string, Seen>({ max: REMEMBERED });
  readonly #looking = new Set<string>();
  readonly #end = new AbortController();

  constructor(deps: PdsHealthDeps) {
    this.#deps = deps;
  }

  /**
   * Since when the PDS at the origin `pds` has not responded, in milliseconds
   * since the Unix epoch; undefined while it responds and before the first
   * look. Never waits: a look that is due begins, and later calls have it.
   */
  awaySince(pds: string | undefined): number | undefined {
    if (pds === undefined) return undefined;
    const seen = this.#seen.get(pds);
    const now = this.#deps.clock.now();
    if (!seen || !isWithin(seen.lookedAt, LOOK_MS, now)) this.#begin(pds);
    return seen?.isAway ? seen.respondedAt : undefined;
  }

  /** Ends all looks. */
  close(): void {
    this.#end.abort();
  }

  #begin(pds: string): void {
    const looking = this.#looking;
    if (looking.has(pds) || looking.size >= MAX_LOOKS) return;
    if (this.#end.signal.aborted) return;
    looking.add(pds);
    void this.#look(pds).finally(() => looking.delete(pds));
  }

  async #look(pds: string): Promise<void> {
    const isAway = !await this.#responds(pds);
    if (this.#end.signal.aborted) return;
    const lookedAt = this.#deps.clock.now();
    const before = this.#seen.get(pds);
    const respondedAt = isAway && before ? before.respondedAt : lookedAt;
    this.#seen.set(pds, { lookedAt, respondedAt, isAway });
  }

  /** Any response below 500 counts: not every PDS knows the question. */
  async #responds(pds: string): Promise<boolean> {
    const { signal } = this.#end;
    try {
      const response = await this.#deps.fetch(new URL("/xrpc/_health", pds), {
        timeoutMs: TIMEOUT_MS,
        maxBytes: MAX_BYTES,
        signal,
      });
      await response.body?.cancel();
      return response.status < 500;
    } catch {
      // Any failure, also of the body: nobody awaits a look.
      return false;
    }
  }
}
