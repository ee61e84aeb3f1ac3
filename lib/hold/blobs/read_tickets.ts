/**
 * Tickets that let their bearer read one blob for a while, for URLs that are
 * handed on to clients without credentials of their own.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import { type Clock, endsWithin } from "../../clock.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import { holdKeys } from "../kv_keys.ts";

/** How long a ticket is good, in milliseconds. */
const TICKET_MS = 15 * 60 * 1000;

const TICKET = /^[0-9a-f-]{36}$/;

/** What a ticket is good for. */
interface TicketRow {
  readonly digest: Digest;
  /** For whom it was issued. */
  readonly reader: Did | undefined;
  /** Milliseconds since the Unix epoch; absent in rows of earlier versions. */
  readonly until?: number;
}

/** Gives out and checks tickets. */
export class ReadTickets {
  readonly #kv: Kv;
  readonly #clock: Clock;

  constructor(deps: { kv: Kv; clock: Clock }) {
    this.#kv = deps.kv;
    this.#clock = deps.clock;
  }

  /** A new ticket for `digest`, for `reader` (undefined: a caller without login). */
  async issue(digest: Digest, reader: Did | undefined): Promise<string> {
    const ticket = crypto.randomUUID();
    const until = this.#clock.now() + TICKET_MS;
    const row: TicketRow = { digest, reader, until };
    await this.#kv.set(holdKeys.readTicket(ticket), row, { expiresAt: until });
    return ticket;
  }

  /**
   * For whom `ticket` (any text) was issued, when it is good for `digest`;
   * undefined otherwise. Whether they may still read is the caller's to check.
   */
  async accept(
    ticket: string,
    digest: Digest,
  ): Promise<{ reader: Did | undefined } | undefined> {
    if (!TICKET.test(ticket)) return undefined;
    const entry = await this.#kv.get<TicketRow>(holdKeys.readTicket(ticket));
    if (entry?.value.digest !== digest) return undefined;
    const { reader, until } = entry.value;
    const good = until === undefined ||
      endsWithin(until, TICKET_MS, this.#clock.now());
    return good ? { reader } : undefined;
  }
}
