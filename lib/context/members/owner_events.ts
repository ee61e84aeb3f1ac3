/**
 * Passes what the network says about owners' records to the registry, which
 * compares its own with them before their time.
 *
 * @module
 */

import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import type { RecordHandler } from "../../index/record_change.ts";
import type { OwnerNames } from "../../registry/manifests/owner_names.ts";
import type { Owners } from "../../registry/owners/owners.ts";

export interface OwnerEventsDeps {
  readonly owners: Pick<Owners, "profileChanged">;
  readonly names: Pick<OwnerNames, "manifestDeleted" | "tagChanged">;
}

const { manifest: MANIFEST, profile: PROFILE, tag: TAG } = OWNER_COLLECTIONS;

/** Takes changes of profiles and tags, and deletions of manifests; none is trusted without asking the owner's PDS. */
export function ownerEvents(
  { owners, names }: OwnerEventsDeps,
): RecordHandler {
  return {
    collections: [MANIFEST, PROFILE, TAG],
    apply: async ({ did, collection, rkey, record }) => {
      if (collection === PROFILE) await owners.profileChanged(did);
      else if (collection === TAG) await names.tagChanged(did, rkey, record);
      else if (record === undefined) await names.manifestDeleted(did, rkey);
    },
  };
}
