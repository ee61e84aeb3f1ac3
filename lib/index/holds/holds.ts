/**
 * Questions about holds: which there are, whose they are, how they are, and
 * where an account is crew.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Page, PageRequest } from "../cursor.ts";
import { pageOfEntries } from "../key_pages.ts";
import type { HoldHealth } from "./health.ts";
import type { HealthRow } from "./health_rows.ts";
import type { CrewFacts, CrewRow, HoldFacts, HoldRow } from "./hold_rows.ts";
import { holdKeys } from "./kv_keys.ts";

export interface HoldsDeps {
  readonly kv: Kv;
  readonly health: HoldHealth;
  /** Counts the rows that a query has read. */
  readonly rowsRead: (query: string, rows: number) => void;
}

/** How a hold is. Times are milliseconds since the Unix epoch. */
export interface HoldState {
  /** Undefined before the first look. */
  readonly reachable: boolean | undefined;
  /** Since when it is so. */
  readonly since: number | undefined;
  readonly checkedAt: number | undefined;
  /** Of the last time it answered, in milliseconds. */
  readonly latencyMs: number | undefined;
  readonly version: string | undefined;
  /** Why it cannot be reached; a sentence. */
  readonly reason: string | undefined;
}

/** What is known of a hold. */
export interface KnownHold {
  readonly did: Did;
  /** What its captain record says; undefined where none is known. */
  readonly facts: HoldFacts | undefined;
  readonly state: HoldState;
}

/** An account's place in the crew of a hold. */
export interface Membership {
  readonly hold: Did;
  readonly crew: CrewFacts;
  /** What the captain record of the hold says; undefined where none is known. */
  readonly facts: HoldFacts | undefined;
}

/** Answers them. */
export class Holds {
  readonly #deps: HoldsDeps;

  constructor(deps: HoldsDeps) {
    this.#deps = deps;
  }

  /** Whether a hold that images or profiles here name can be reached; looked at again when that is not known or old. */
  async health(did: Did): Promise<HoldState> {
    return stateOf(await this.#deps.health.get(did));
  }

  /**
   * A hold that is known here, with its health as {@linkcode Holds.health};
   * undefined for any other DID, which is not looked at.
   */
  async get(did: Did): Promise<KnownHold | undefined> {
    const [facts] = await this.#facts("hold", [did]);
    const health = await this.#deps.kv.get(holdKeys.health(did));
    if (!facts && !health) return undefined;
    return { did, facts, state: await this.health(did) };
  }

  /**
   * The holds that are known here, in the order of their DIDs, as they were at
   * the last look; a page may be shorter than its limit. Throws AppError
   * `INVALID_REQUEST` for a bad cursor or limit, as the lists below.
   */
  async list(request: PageRequest): Promise<Page<KnownHold>> {
    const page = await pageOfEntries<HealthRow>(
      this.#deps.kv,
      holdKeys.allHealth(),
      ["string"],
      request,
    );
    const dids = page.items.map(({ key }) => String(key.at(-1)) as Did);
    const facts = await this.#facts("holds", dids);
    const items = page.items.flatMap(({ value }, i): KnownHold[] => {
      // It was named as a hold, but nothing shows that it is one.
      if (!facts[i] && !value.reachable) return [];
      return [{ did: dids[i] as Did, facts: facts[i], state: stateOf(value) }];
    });
    return { items, cursor: page.cursor };
  }

  /** Holds as they were at the last look, in the order of `dids`; asks none of them. */
  async lastSeen(dids: readonly Did[]): Promise<KnownHold[]> {
    const facts = await this.#facts("holds by DID", dids);
    const health = await this.#deps.kv.getMany<HealthRow>(
      dids.map(holdKeys.health),
    );
    return dids.map((did, i) => ({
      did,
      facts: facts[i],
      state: stateOf(health[i]?.value),
    }));
  }

  /** The holds that `owner` is captain of. */
  async heldBy(owner: Did, request: PageRequest): Promise<Page<KnownHold>> {
    const { kv } = this.#deps;
    const prefix = holdKeys.ownHolds(owner);
    const page = await pageOfEntries(kv, prefix, ["string"], request);
    const dids = page.items.map(({ key }) => String(key.at(-1)) as Did);
    return { items: await this.lastSeen(dids), cursor: page.cursor };
  }

  /** The crews that `member` is in; a hold with two records about a member is there twice. */
  async crewOf(member: Did, request: PageRequest): Promise<Page<Membership>> {
    const page = await pageOfEntries<CrewRow>(
      this.#deps.kv,
      holdKeys.memberships(member),
      ["string", "string"],
      request,
    );
    const dids = page.items.map(({ key }) => String(key.at(-2)) as Did);
    const facts = await this.#facts("crews of a member", dids);
    const items = page.items.map(({ value }, i): Membership => {
      const { seenAt: _, rev: __, ...crew } = value;
      return { hold: dids[i] as Did, crew, facts: facts[i] };
    });
    return { items, cursor: page.cursor };
  }

  /** What the captain records of holds say, in the order of `dids`. */
  async #facts(
    query: string,
    dids: readonly Did[],
  ): Promise<(HoldFacts | undefined)[]> {
    const { kv, rowsRead } = this.#deps;
    const rows = await kv.getMany<HoldRow>(dids.map(holdKeys.hold));
    rowsRead(query, 2 * dids.length + 1);
    return rows.map((entry) => {
      if (!entry) return undefined;
      const { seenAt: _, rev: __, ...facts } = entry.value;
      return facts;
    });
  }
}

function stateOf(row: HealthRow | undefined): HoldState {
  return {
    reachable: row?.reachable,
    since: row?.since,
    checkedAt: row?.checkedAt,
    latencyMs: row?.latencyMs,
    version: row?.version,
    reason: row?.reason,
  };
}
