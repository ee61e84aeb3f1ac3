/**
 * Tickets that let their bearer read one blob for a while, for URLs that are
 * handed on to clients without credentials of their own.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import { holdKeys } from "../kv_keys.ts";

/** How long a ticket is good, in milliseconds. */
const TICKET_MS = 15 * 60 * 1000;

const TICKET = /^[0-9a-f-]{36}$/;

/** Gives out and checks tickets. */
export class ReadTickets {
  readonly #kv: Kv;
  readonly #clock: Clock;

  constructor(deps: { kv: Kv; clock: Clock }) {
    this.#kv = deps.kv;
    this.#clock = deps.clock;
  }

  /** A new ticket for `digest`. */
  async issue(digest: Digest): Promise<string> {
    const ticket = crypto.randomUUID();
    await this.#kv.set(holdKeys.readTicket(ticket), digest, {
      expiresAt: this.#clock.now() + TICKET_MS,
    });
    return ticket;
  }

  /** Whether `ticket` (any text) is good for `digest`. */
  async accepts(ticket: string, digest: Digest): Promise<boolean> {
    if (!TICKET.test(ticket)) return false;
    const entry = await this.#kv.get<Digest>(holdKeys.readTicket(ticket));
    return entry?.value === digest;
  }
}
