/**
 * What the registry asks an account's PDS to allow.
 *
 * @module
 */

/** Records that the registry writes in the owner's repo. */
export const COLLECTIONS = [
  "io.atcr.manifest",
  "io.atcr.repo.page",
  "io.atcr.sailor.profile",
  "io.atcr.sailor.star",
  "io.atcr.tag",
] as const;

/** Methods of holds that the registry calls in the owner's name. */
export const HOLD_METHODS = [
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

/** Everything needed, item by item. */
export const GRANULAR_SCOPE: string = [
  "atproto",
  `repo?${COLLECTIONS.map((nsid) => `collection=${nsid}`).join("&")}`,
  "blob:*/*",
  `rpc?${HOLD_METHODS.map((nsid) => `lxm=${nsid}`).join("&")}&aud=*`,
].join(" ");

/** Everything but direct messages, for PDSes that know no granular scopes. */
export const TRANSITION_SCOPE = "atproto transition:generic";
