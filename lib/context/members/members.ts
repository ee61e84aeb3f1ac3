/**
 * Builds what accounts do at holds besides storing images.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { HoldMember } from "../../hold_api/hold_member.ts";
import type { TargetRules } from "../../net/client_target.ts";
import {
  HoldMembers,
  type HoldMembersDeps,
} from "../../registry/hold_members.ts";
import {
  RemoteCalls,
  type RemoteCallsDeps,
} from "../../registry/remote_hold/remote_calls.ts";
import { RemoteMember } from "../../registry/remote_hold/remote_member.ts";

export interface MembersDeps
  extends
    Pick<HoldMembersDeps, "identities">,
    Pick<RemoteCallsDeps, "fetch" | "session"> {
  /** The hold of this process, as accounts use it. */
  ownMember: HoldMember | undefined;
  /** Rules for redirects of the hold `did`. */
  targetsOf: (did: Did) => TargetRules;
}

/** Creates it for this server's hold and for others. */
export function createMembers(deps: MembersDeps): HoldMembers {
  return new HoldMembers({
    ...deps,
    own: deps.ownMember,
    remote: (did, origin) => {
      const targets = deps.targetsOf(did);
      return new RemoteMember(
        new RemoteCalls({ ...deps, did, origin, targets }),
      );
    },
  });
}
