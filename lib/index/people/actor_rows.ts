/**
 * The rows behind people.
 *
 * @module
 */

import {
  PROFILE_COLLECTIONS,
  type PublicProfile,
} from "../../atproto/records/profile_records.ts";
import type { Did } from "../../did.ts";
import type { AccountStatus } from "../record_change.ts";
import type { Seen } from "../seen.ts";

/** A profile as it was last read; without its facts, the record is gone or broken. */
export type ProfileRow = Seen & { readonly profile?: PublicProfile };

/** What stands at `peopleKeys.actor`. Times in milliseconds since the Unix epoch. */
export interface ActorRow {
  readonly handle?: string;
  /** When the handle was last heard of. */
  readonly handleAt: number;
  readonly status: AccountStatus;
  readonly statusAt: number;
  /** By collection. */
  readonly profiles: Readonly<Record<string, ProfileRow>>;
}

/** A person as pages show one. */
export interface Actor {
  readonly did: Did;
  /** Undefined when no handle leads to the account. */
  readonly handle: string | undefined;
  readonly name: string | undefined;
  readonly bio: string | undefined;
  /** Address of the picture at our own avatar service. */
  readonly avatarUrl: string | undefined;
  /** Why the account is not shown, where it is not `active`. */
  readonly status: AccountStatus;
}

/** A row that says nothing yet. */
export const EMPTY_ACTOR: ActorRow = {
  handleAt: 0,
  status: "active",
  statusAt: 0,
  profiles: {},
};

/** The person behind `row`; of one that is not shown only the handle. */
export function actorOf(
  did: Did,
  row: ActorRow,
  avatarUrl: string | undefined,
): Actor {
  const { handle, status } = row;
  const isShown = status === "active";
  const known = isShown
    ? PROFILE_COLLECTIONS.map((nsid) => row.profiles[nsid]?.profile)
    : [];
  const first = (field: keyof PublicProfile) =>
    known.find((profile) => profile?.[field] !== undefined)?.[field];
  return {
    did,
    handle,
    status,
    name: first("name"),
    bio: first("bio"),
    avatarUrl: isShown ? avatarUrl : undefined,
  };
}
