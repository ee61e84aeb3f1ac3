/**
 * The crew of a hold: joining, adding, removing, tiers.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import { DEFAULT_PERMISSIONS, type HoldAccess } from "./access.ts";
import {
  COLLECTIONS,
  type CrewMember,
  crewRkey,
  crewSchema,
  type HoldRecords,
} from "./records.ts";

export interface HoldCrewDeps {
  records: HoldRecords;
  access: HoldAccess;
  clock: Clock;
}

/** Result of a request to join. */
export interface CrewRequest {
  readonly status: "created" | "already_member";
  readonly uri: string;
  readonly cid: string;
}

/** A member as written by an admin. */
export type CrewEntry = Pick<CrewMember, "role" | "permissions" | "tier">;

/** A member with the record's key. */
export interface CrewRow extends CrewMember {
  readonly uri: string;
  readonly rkey: string;
  readonly cid: string;
}

/** Permissions that an account may request for itself. */
const OPEN_PERMISSIONS: readonly string[] = DEFAULT_PERMISSIONS;

/** Roles that only an admin may assign. */
const RESERVED_ROLES: readonly string[] = ["owner", "admin"];

/** Manages crew records. The caller must be authorised before, except in {@linkcode request}. */
export class HoldCrew {
  readonly #deps: HoldCrewDeps;

  constructor(deps: HoldCrewDeps) {
    this.#deps = deps;
  }

  /**
   * Makes `did` a member at its own request (`io.atcr.hold.requestCrew`).
   * Idempotent. Throws AppError `DENIED` (`RegistrationDisabled`) when the hold
   * does not allow it, `INVALID_REQUEST` when more than read and write is
   * requested.
   */
  async request(
    did: Did,
    wish: { role?: string; permissions?: readonly string[] } = {},
  ): Promise<CrewRequest> {
    const { records, access } = this.#deps;
    // Looking for a record under another key is expensive; refuse accounts that
    // are not crew before.
    const present = await access.member(did) && await this.find(did);
    if (present) {
      const { uri, cid } = present;
      return { status: "already_member", uri, cid };
    }
    const captain = await access.captain();
    if (!captain?.allowAllCrew) {
      throw new AppError(
        "DENIED",
        captain
          ? `The hold ${records.did} takes crew by invitation only; ask its captain ${captain.owner}.`
          : `The hold ${records.did} has no captain yet.`,
        { xrpc: "RegistrationDisabled" },
      );
    }
    const { role = "member", permissions = DEFAULT_PERMISSIONS } = wish;
    const excess = permissions.find((p) => !OPEN_PERMISSIONS.includes(p));
    if (excess !== undefined || RESERVED_ROLES.includes(role)) {
      throw new AppError(
        "INVALID_REQUEST",
        "You can request only blob:read and blob:write. Ask the captain for admin rights.",
      );
    }
    const created = await this.#write(did, {
      role,
      permissions: [...permissions],
    });
    return { status: "created", ...created };
  }

  /** Creates the crew record of an account that writes to a hold with `allowAllCrew`. */
  async ensure(did: Did): Promise<void> {
    const { access } = this.#deps;
    const captain = await access.captain();
    if (!captain?.allowAllCrew || captain.owner === did) return;
    if (!await access.member(did)) await this.request(did);
  }

  /** The member's record; undefined when `did` is not crew. */
  async find(did: Did): Promise<CrewRow | undefined> {
    const { records } = this.#deps;
    const direct = await records.getRecord(COLLECTIONS.crew, crewRkey(did));
    const parsed = crewSchema.safeParse(direct?.value);
    if (direct && parsed.success && parsed.data.member === did) {
      const { uri, rkey, cid } = direct;
      return { ...parsed.data, uri, rkey, cid };
    }
    for await (const row of this.list()) if (row.member === did) return row;
    return undefined;
  }

  /** All members, in the order of their record keys. */
  async *list(): AsyncIterableIterator<CrewRow> {
    const all = this.#deps.records.allRecords(COLLECTIONS.crew);
    for await (const { uri, rkey, cid, value } of all) {
      const parsed = crewSchema.safeParse(value);
      if (parsed.success) yield { ...parsed.data, uri, rkey, cid };
    }
  }

  /** Adds a member or changes their permissions. */
  async put(did: Did, entry: CrewEntry): Promise<{ uri: string; cid: string }> {
    const present = await this.find(did);
    return await this.#write(did, entry, present);
  }

  /**
   * Removes a member. Returns false when there was none. Throws AppError
   * `INVALID_REQUEST` for the captain, whose record is set by the
   * configuration.
   */
  async remove(did: Did): Promise<boolean> {
    const { records, access } = this.#deps;
    const captain = await access.captain();
    if (captain?.owner === did) {
      throw new AppError(
        "INVALID_REQUEST",
        `${did} is the captain of this hold and stays in the crew.`,
      );
    }
    const rkeys: string[] = [];
    for await (const row of this.list()) {
      if (row.member === did) rkeys.push(row.rkey);
    }
    if (rkeys.length === 0) return false;
    await records.apply(
      rkeys.map((rkey) => ({
        action: "delete",
        collection: COLLECTIONS.crew,
        rkey,
      })),
    );
    access.invalidate();
    return true;
  }

  /** Sets a member's quota tier. Throws AppError `NOT_FOUND` (`UserNotFound`) when `did` is not crew. */
  async setTier(did: Did, tier: string): Promise<void> {
    const present = await this.find(did);
    if (!present) {
      throw new AppError(
        "NOT_FOUND",
        `${did} is not crew of the hold ${this.#deps.records.did}.`,
        { xrpc: "UserNotFound" },
      );
    }
    const { role, permissions } = present;
    await this.#write(did, { role, permissions, tier }, present);
  }

  async #write(
    did: Did,
    entry: CrewEntry,
    present?: CrewRow,
  ): Promise<{ uri: string; cid: string }> {
    const { records, access, clock } = this.#deps;
    const { role, permissions, tier } = entry;
    const { results } = await records.apply([{
      action: "put",
      collection: COLLECTIONS.crew,
      rkey: present?.rkey ?? crewRkey(did),
      value: {
        member: did,
        role,
        permissions,
        addedAt: present?.addedAt ?? new Date(clock.now()).toISOString(),
        ...(tier === undefined ? {} : { tier }),
      },
    }]);
    access.invalidate();
    const [result] = results;
    if (result?.cid === undefined) throw new Error("no record was written");
    return { uri: result.uri, cid: result.cid };
  }
}
