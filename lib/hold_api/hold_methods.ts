/**
 * Methods for which a hold accepts service tokens; registry and hold must agree
 * on them.
 *
 * @module
 */

/** Methods of holds that the registry calls on behalf of the owner. */
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

/**
 * Methods for which a service token may be used until it expires: otherwise a
 * layer of many parts would need a token for each. They are idempotent; for all
 * other methods a token is valid once.
 */
const REUSABLE: ReadonlySet<string> = new Set([
  "com.atproto.sync.getBlob",
  "io.atcr.hold.abortUpload",
  "io.atcr.hold.completeUpload",
  "io.atcr.hold.exportUserData",
  "io.atcr.hold.getLayersForManifest",
  "io.atcr.hold.getPartUploadUrl",
  "io.atcr.hold.getQuota",
  "io.atcr.hold.initiateUpload",
  "io.atcr.hold.uploadPart",
]);

/** Whether a service token for the method `lxm` may be used more than once. */
export function isReusable(lxm: string): boolean {
  return REUSABLE.has(lxm);
}
