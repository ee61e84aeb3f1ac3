/**
 * Reports refused connections, without a line of the log for each.
 *
 * @module
 */

import type { Logger } from "../../lib/log.ts";
import type { ConnectionLimits, Refused } from "./connections.ts";

/** Minimum time between two log lines of one kind, in milliseconds. */
const PAUSE_MS = 60_000;

/** Logs the first refusal of a kind, and their number a minute later. */
export class RefusalLog {
  readonly #log: Logger;
  readonly #limits: ConnectionLimits;
  readonly #kinds = new Map<Refused, { since: number; more: number }>();

  constructor(log: Logger, limits: ConnectionLimits) {
    this.#log = log;
    this.#limits = limits;
  }

  /** Records that a connection from `address` was closed because of a limit. */
  refused(kind: Refused, address: string | undefined): void {
    const now = performance.now();
    const last = this.#kinds.get(kind);
    if (last && now - last.since < PAUSE_MS) {
      last.more++;
      return;
    }
    this.#kinds.set(kind, { since: now, more: 0 });
    const before = last ? last.more : 0;
    const { total, perAddress } = this.#limits;
    if (kind === "total") {
      this.#log.warn("connections closed, too many are open", {
        setting: "server.max_connections",
        limit: total,
        before,
      });
    } else {
      // A proxy whose clients are counted as one needs server.trust_proxy.
      this.#log.warn("connections closed, too many from one address", {
        setting: "server.max_connections_per_address or server.trust_proxy",
        limit: perAddress,
        address,
        before,
      });
    }
  }
}
