/**
 * Hosting status of accounts (atproto specification, "Account", "Hosting
 * Status"): content of deactivated, suspended, taken down or deleted accounts
 * is not served. The PDS in the DID document decides.
 *
 * A cached status costs a request nothing: an active account is rechecked in
 * the background, and stays active while its PDS cannot be reached. Only an
 * inactive account is rechecked before it is refused again.
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
import { resolveAgain } from "../identity/resolve_again.ts";
import type { Identity, IdentityResolver } from "../identity/identity.ts";
import { hostingKey } from "../kv_keys.ts";
import type { RepoStatus } from "./repo_status.ts";

export interface HostingDeps {
  kv: Kv;
  clock: Clock;
  log: Logger;
  identities: Pick<IdentityResolver, "resolve">;
  statuses: { read(pds: string, did: Did): Promise<RepoStatus> };
  /** Age at which a status is rechecked, in milliseconds. */
  recheckMs: number;
}

/** Cached status of an account. */
interface HostingRow {
  readonly status: RepoStatus;
  /** Origin of the PDS that returned it; absent if the DID document has none. */
  readonly pds?: string;
  /** Milliseconds since the Unix epoch. */
  readonly checkedAt: number;
  /** Set when the status is an assumption that was not checked yet; never stored. */
  readonly assumed?: true;
}

/** How long this process caches a row before it reads the store again, in milliseconds. */
const LOCAL_MS = 15_000;

const LOCAL_ENTRIES = 20_000;

/** A status that is unused for this time expires, in milliseconds. */
const KEEP_MS = 365 * 24 * 3_600_000;

/** Maximum age of a status that explains a refusal, in milliseconds. */
const FRESH_MS = 5_000;

/** How old an identity may be while the PDS cannot be reached, and how long a new one is waited for. */
const SOON = { maxAgeMs: FRESH_MS, patienceMs: 2_000 } as const;

/** Maximum concurrent background rechecks; others wait for their next request. */
const MAX_BACKGROUND = 100;

const WORDS: Readonly<Record<RepoStatus, string>> = {
  active: "active",
  deactivated: "deactivated",
  deleted: "deleted",
  inactive: "inactive",
  suspended: "suspended",
  takendown: "taken down",
};

/** Decides which accounts are served. */
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
   * Throws AppError `NAME_UNKNOWN` with the reason when the account is
   * inactive; with `current` the status is checked now, for accounts that may
   * be active again.
   */
  async require(owner: Identity, current = false): Promise<void> {
    const { row, stale } = await this.#known(owner.did);
    if (row.status === "active") {
      if (stale) this.#recheckInBackground(owner.did);
      return;
    }
    const age = Math.abs(this.#deps.clock.now() - row.checkedAt);
    const isOld = stale || current && age >= FRESH_MS;
    const now = isOld ? await this.#queryOr(owner.did, row) : row;
    if (now.status !== "active") throw notShown(owner, now);
  }

  /**
   * Whether the account is active, by the cached status; a stale one is
   * rechecked in the background.
   */
  async isShown(did: Did): Promise<boolean> {
    const { row, stale } = await this.#known(did);
    if (stale) this.#recheckInBackground(did);
    return row.status === "active";
  }

  /**
   * Returns the owner at the PDS to which the account has moved, or undefined
   * when it has not moved or the network cannot be reached soon: a directory
   * may hang together with the PDS.
   */
  moved(owner: Identity): Promise<Identity | undefined> {
    return resolveAgain(this.#deps.identities, owner.did, owner, SOON);
  }

  /**
   * Finds out why a PDS refused a request: returns the owner at the PDS to which
   * the account has moved, or undefined when it has not moved. Throws AppError
   * `NAME_UNKNOWN` when the account is inactive.
   */
  async find(owner: Identity): Promise<Identity | undefined> {
    const { identities } = this.#deps;
    const now = await resolveAgain(identities, owner.did, owner);
    if (now) return now;
    const { row } = await this.#known(owner.did);
    const age = Math.abs(this.#deps.clock.now() - row.checkedAt);
    const asked = row.assumed || age >= FRESH_MS
      ? await this.#queryOr(owner.did, row)
      : row;
    if (asked.status !== "active") throw notShown(owner, asked);
    return undefined;
  }

  /**
   * Whether the PDS of `owner` confirms now that it hosts the account's repo,
   * so that a record it does not have is really deleted. False when it cannot
   * be reached.
   */
  async isAt(owner: Identity): Promise<boolean> {
    try {
      const { status, pds } = await this.#query(owner.did);
      return status === "active" && pds === owner.pds;
    } catch (error) {
      if (isAppError(error)) return false;
      throw error;
    }
  }

  /**
   * Records that the PDS has just accepted a write, which makes an inactive
   * account active again.
   */
  async written(did: Did): Promise<void> {
    const { row } = await this.#known(did);
    if (row.status === "active") return;
    await this.#deps.kv.delete(hostingKey(did));
    this.#local.delete(did);
  }

  /** Handles a network event about the account: rechecks its cached status in the background. */
  async noticed(did: Did): Promise<void> {
    const known = this.#local.get(did) ??
      await this.#deps.kv.get(hostingKey(did));
    if (known) this.#recheckInBackground(did, true);
  }

  /**
   * Returns the row of the account; an unknown account is assumed to be active
   * and rechecked later.
   */
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
    // A time in the future, after a clock was set back, counts as expired.
    return { row, stale: Math.abs(now - row.checkedAt) >= recheckMs };
  }

  #recheckInBackground(did: Did, changed = false): void {
    if (this.#background >= MAX_BACKGROUND) return;
    this.#background++;
    this.#query(did, changed).catch((error) =>
      this.#deps.log.debug("hosting status not known", { did, error })
    ).finally(() => this.#background--);
  }

  /** Returns the current status, or the cached one while the PDS cannot be reached. */
  async #queryOr(did: Did, known: HostingRow): Promise<HostingRow> {
    try {
      return await this.#query(did);
    } catch (error) {
      if (isAppError(error)) return known;
      throw error;
    }
  }

  /** Queries the account's PDS and caches the result; `changed` resolves the PDS again first. */
  #query(did: Did, changed = false): Promise<HostingRow> {
    return this.#flights.run(`${changed} ${did}`, undefined, async () => {
      const { kv, clock } = this.#deps;
      const { row: before } = await this.#known(did);
      let row: HostingRow;
      try {
        row = await this.#read(did, changed);
      } catch (error) {
        // Avoids a query per request while the PDS fails.
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
      // A directory that does not know a did:plc proves that it is gone; the
      // host of a did:web may just be misconfigured.
      const gone = isAppError(error, "NAME_UNKNOWN") &&
        did.startsWith("did:plc:");
      if (!gone) throw error;
      return { status: "deleted", checkedAt: this.#deps.clock.now() };
    }
    const row = await this.#readAt(identity);
    if (row.status === "active") return row;
    // The PDS may be one that the account has left.
    const now = await resolveAgain(identities, did, identity);
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

/**
 * Merges the row in the store with the one cached by this process; undefined if
 * neither is valid.
 */
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
