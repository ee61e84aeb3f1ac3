/**
 * Whether accounts are to be shown (atproto specification, "Account", "Hosting
 * Status"): content of accounts that are deactivated, suspended, taken down or
 * deleted is not given out. The PDS that the DID document names decides.
 *
 * What is known costs a request nothing: an account that was shown the last
 * time is asked about behind the answer, and goes on being shown while its PDS
 * cannot be asked. Only an account that is not shown is asked about before it
 * is refused again.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import { SingleFlight } from "../../async/single_flight.ts";
import type { Clock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import { AppError, isAppError } from "../../errors.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Logger } from "../../log.ts";
import { askAgain } from "../identity/ask_again.ts";
import type { Identity, IdentityResolver } from "../identity/identity.ts";
import { hostingKey } from "../kv_keys.ts";
import type { RepoStatus } from "./repo_status.ts";

export interface HostingDeps {
  kv: Kv;
  clock: Clock;
  log: Logger;
  identities: Pick<IdentityResolver, "resolve">;
  statuses: { read(pds: string, did: Did): Promise<RepoStatus> };
  /** Age at which a status is asked for again, in milliseconds. */
  recheckMs: number;
}

/** What is known of an account. */
interface HostingRow {
  readonly status: RepoStatus;
  /** Origin of the PDS that was asked; absent where the DID names none. */
  readonly pds?: string;
  /** Milliseconds since the Unix epoch. */
  readonly checkedAt: number;
  /** Set where nobody was asked yet; never stored. */
  readonly assumed?: true;
}

/** This process looks into the store again after this time, in milliseconds. */
const LOCAL_MS = 15_000;

const LOCAL_ENTRIES = 20_000;

/** A status that nobody asked for during this time is forgotten, in milliseconds. */
const KEEP_MS = 365 * 24 * 3_600_000;

/** A status of this age explains a refusal; milliseconds. */
const FRESH_MS = 5_000;

/** Accounts that are asked about behind answers at a time; further ones wait for their next request. */
const MAX_BACKGROUND = 100;

const WORDS: Readonly<Record<RepoStatus, string>> = {
  active: "active",
  deactivated: "deactivated",
  deleted: "deleted",
  inactive: "inactive",
  suspended: "suspended",
  takendown: "taken down",
};

/** Knows which accounts are shown. */
export class Hosting {
  readonly #deps: HostingDeps;
  readonly #local: LRUCache<Did, { row: HostingRow; readAt: number }>;
  readonly #flights = new SingleFlight();
  #background = 0;

  constructor(deps: HostingDeps) {
    this.#deps = deps;
    this.#local = new LRUCache({ max: LOCAL_ENTRIES });
  }

  /**
   * Throws AppError `NAME_UNKNOWN` with the reason when the account is not
   * shown; with `current` as of this moment, for an account that is back.
   */
  async require(owner: Identity, current = false): Promise<void> {
    const { row, stale } = await this.#known(owner.did);
    if (row.status === "active") {
      if (stale) this.#askBehind(owner.did);
      return;
    }
    const age = Math.abs(this.#deps.clock.now() - row.checkedAt);
    const isOld = stale || current && age >= FRESH_MS;
    const now = isOld ? await this.#askOr(owner.did, row) : row;
    if (now.status !== "active") throw notShown(owner, now);
  }

  /** Whether the account is shown, as far as it is known; what is old is asked for behind the answer. */
  async isShown(did: Did): Promise<boolean> {
    const { row, stale } = await this.#known(did);
    if (stale) this.#askBehind(did);
    return row.status === "active";
  }

  /** The owner at the PDS to which the account has moved; undefined where it has not, or nobody can be asked. */
  moved(owner: Identity): Promise<Identity | undefined> {
    return askAgain(this.#deps.identities, owner.did, owner);
  }

  /**
   * Finds out why a PDS refuses to give what was asked for: as
   * {@linkcode moved}, and throws AppError `NAME_UNKNOWN` when the account is
   * not shown.
   */
  async find(owner: Identity): Promise<Identity | undefined> {
    const now = await this.moved(owner);
    if (now) return now;
    const { row } = await this.#known(owner.did);
    const age = Math.abs(this.#deps.clock.now() - row.checkedAt);
    const asked = row.assumed || age >= FRESH_MS
      ? await this.#askOr(owner.did, row)
      : row;
    if (asked.status !== "active") throw notShown(owner, asked);
    return undefined;
  }

  /**
   * Whether the PDS of `owner` says at this moment that it has the account's
   * repo, so that what it does not have is really gone. False where nobody
   * can be asked.
   */
  async isAt(owner: Identity): Promise<boolean> {
    try {
      const { status, pds } = await this.#ask(owner.did);
      return status === "active" && pds === owner.pds;
    } catch (error) {
      if (isAppError(error)) return false;
      throw error;
    }
  }

  /** Notes that the PDS has just accepted a write: an account that was not shown is shown again. */
  async written(did: Did): Promise<void> {
    const { row } = await this.#known(did);
    if (row.status === "active") return;
    await this.#deps.kv.delete(hostingKey(did));
    this.#local.delete(did);
  }

  /** Takes up an event of the network about the account: what is known of it is asked for again, behind the caller. */
  async noticed(did: Did): Promise<void> {
    const known = this.#local.get(did) ??
      await this.#deps.kv.get(hostingKey(did));
    if (known) this.#askBehind(did, true);
  }

  /** The row of the account; one that nothing is known of is taken as shown, and asked about after a while. */
  async #known(did: Did): Promise<{ row: HostingRow; stale: boolean }> {
    const { kv, clock, recheckMs } = this.#deps;
    const now = clock.now();
    const local = this.#local.get(did);
    let row = local?.row;
    if (!local || Math.abs(now - local.readAt) >= LOCAL_MS) {
      const stored = await kv.get<HostingRow>(hostingKey(did));
      row = merged(stored?.value, row) ?? assumedShown(now);
      this.#local.set(did, { row, readAt: now });
    }
    row ??= assumedShown(now);
    // A time in the future, by a clock that was set back, counts no longer.
    return { row, stale: Math.abs(now - row.checkedAt) >= recheckMs };
  }

  #askBehind(did: Did, changed = false): void {
    if (this.#background >= MAX_BACKGROUND) return;
    this.#background++;
    this.#ask(did, changed).catch((error) =>
      this.#deps.log.debug("hosting status not known", { did, error })
    ).finally(() => this.#background--);
  }

  /** The status as of now; the known one while nobody can be asked. */
  async #askOr(did: Did, known: HostingRow): Promise<HostingRow> {
    try {
      return await this.#ask(did);
    } catch (error) {
      if (isAppError(error)) return known;
      throw error;
    }
  }

  /** Asks the account's PDS and keeps what it says; `changed` looks up first which one it is now. */
  #ask(did: Did, changed = false): Promise<HostingRow> {
    return this.#flights.run(`${changed} ${did}`, undefined, async () => {
      const { kv, clock } = this.#deps;
      const { row: before } = await this.#known(did);
      let row: HostingRow;
      try {
        row = await this.#read(did, changed);
      } catch (error) {
        // Not asked again at every request while the PDS is in trouble.
        const checkedAt = clock.now();
        const { assumed: _, ...known } = before;
        const kept = { ...known, checkedAt };
        this.#local.set(did, { row: kept, readAt: checkedAt });
        throw error;
      }
      const expiresAt = row.checkedAt + KEEP_MS;
      await kv.set(hostingKey(did), row, { expiresAt });
      this.#local.set(did, { row, readAt: row.checkedAt });
      if (row.status !== before.status) {
        const { status, pds } = row;
        this.#deps.log.info("hosting status changed", { did, status, pds });
      }
      return row;
    });
  }

  async #read(did: Did, fresh: boolean): Promise<HostingRow> {
    const { identities } = this.#deps;
    let identity: Identity;
    try {
      identity = await identities.resolve(did, { fresh });
    } catch (error) {
      // A directory that does not know the DID says that it is gone; the host
      // of a did:web may just be set up wrongly.
      const gone = isAppError(error, "NAME_UNKNOWN") &&
        did.startsWith("did:plc:");
      if (!gone) throw error;
      return { status: "deleted", checkedAt: this.#deps.clock.now() };
    }
    const row = await this.#readAt(identity);
    if (row.status === "active") return row;
    // The PDS may be one that the account has left.
    const now = await askAgain(identities, did, identity);
    return now ? await this.#readAt(now) : row;
  }

  async #readAt({ did, pds }: Identity): Promise<HostingRow> {
    const { statuses, clock } = this.#deps;
    if (pds === undefined) {
      return { status: "inactive", checkedAt: clock.now() };
    }
    const status = await statuses.read(pds, did);
    return { status, pds, checkedAt: clock.now() };
  }
}

function assumedShown(checkedAt: number): HostingRow {
  return { status: "active", checkedAt, assumed: true };
}

/** What counts of the row in the store and the one that this process has; undefined: neither. */
function merged(
  stored: HostingRow | undefined,
  local: HostingRow | undefined,
): HostingRow | undefined {
  // Another process has seen a write since.
  if (!stored) return local?.status === "active" ? local : undefined;
  if (local?.status !== stored.status) return stored;
  return local.checkedAt > stored.checkedAt ? local : stored;
}

function notShown({ did, handle }: Identity, row: HostingRow): AppError {
  const name = handle ?? did;
  const where = row.pds === undefined
    ? "has no PDS"
    : `is ${WORDS[row.status]} at its PDS ${new URL(row.pds).host}`;
  return new AppError(
    "NAME_UNKNOWN",
    `The account ${name} ${where}; its content is not served until that changes there.`,
    { detail: { did, status: row.status } },
  );
}
