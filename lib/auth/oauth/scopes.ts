/**
 * What the registry asks an account's PDS to allow, and what is missing from
 * what was granted: a PDS drops scopes that it does not like without a word.
 *
 * @module
 */

import { ScopePermissionsTransition } from "@atproto/oauth-scopes";

/** Records that the registry writes in the owner's repo. */
const COLLECTIONS = [
  "io.atcr.manifest",
  "io.atcr.repo.page",
  "io.atcr.sailor.profile",
  "io.atcr.sailor.star",
  "io.atcr.tag",
] as const;

/** Methods of holds that the registry calls in the owner's name. */
const HOLD_METHODS = [
  "com.atproto.sync.getBlob",
  "io.atcr.hold.abortUpload",
  "io.atcr.hold.completeUpload",
  "io.atcr.hold.deleteUserData",
  "io.atcr.hold.exportUserData",
  "io.atcr.hold.getLayersForManifest",
  "io.atcr.hold.getPartUploadUrl",
  "io.atcr.hold.getQuota",
  "io.atcr.hold.initiateUpload",
  "io.atcr.hold.notifyManifest",
  "io.atcr.hold.requestCrew",
  "io.atcr.hold.updateCrewTier",
  "io.atcr.hold.uploadPart",
] as const;

const ACTIONS = ["create", "update", "delete"] as const;

/** Everything needed, item by item. */
export const GRANULAR_SCOPE: string = [
  "atproto",
  `repo?${COLLECTIONS.map((nsid) => `collection=${nsid}`).join("&")}`,
  "blob:*/*",
  `rpc?${HOLD_METHODS.map((nsid) => `lxm=${nsid}`).join("&")}&aud=*`,
].join(" ");

/** Everything but direct messages, for PDSes that know no granular scopes. */
export const TRANSITION_SCOPE = "atproto transition:generic";

/** What `granted`, the scope of a token, lacks; in words for the person who has to grant it. */
export function missingPermissions(granted: string): string[] {
  const permissions = new ScopePermissionsTransition(granted);
  const missing: string[] = [];
  for (const collection of COLLECTIONS) {
    const writes = ACTIONS.every((action) =>
      permissions.allowsRepo({ collection, action })
    );
    if (!writes) missing.push(`write records ${collection}`);
  }
  if (!permissions.allowsBlob({ mime: "application/octet-stream" })) {
    missing.push("upload blobs");
  }
  for (const lxm of HOLD_METHODS) {
    if (!permissions.allowsRpc({ lxm, aud: "*" })) {
      missing.push(`call ${lxm} at holds`);
    }
  }
  return missing;
}
