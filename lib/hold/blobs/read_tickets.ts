/**
 * Tickets that authorise their bearer to read one blob for a limited time, for
 * URLs given to clients without credentials.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import { type Clock, endsWithin } from "../../clock.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import { holdKeys } from "../kv_keys.ts";

/** Lifetime of a ticket, in milliseconds. */
const TICKET_MS = 15 * 60 * 1000;

const TICKET = /^[0-9a-f-]{36}$/;

/** A ticket. */
interface TicketRow {
  readonly digest: Digest;
  /** The account it was issued for. */
  readonly reader: Did | undefined;
  /** Milliseconds since the Unix epoch; absent in rows of earlier versions. */
  readonly until?: number;
}

/** Issues and verifies tickets. */
export class ReadTickets {
  readonly #kv: Kv;
  readonly #clock: Clock;

  constructor(deps: { kv: Kv; clock: Clock }) {
    this.#kv = deps.kv;
    this.#clock = deps.clock;
  }

  /** Issues a ticket for `digest` to `reader` (undefined: a caller without login). */
  async issue(digest: Digest, reader: Did | undefined): Promise<string> {
    const ticket = crypto.randomUUID();
    const until = this.#clock.now() + TICKET_MS;
    const row: TicketRow = { digest, reader, until };
    await this.#kv.set(holdKeys.readTicket(ticket), row, { expiresAt: until });
    return ticket;
  }

  /**
   * Returns the account that `ticket` (any text) was issued for, if it is valid
   * for `digest`, else undefined. The caller must check that the account may
   * still read.
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
