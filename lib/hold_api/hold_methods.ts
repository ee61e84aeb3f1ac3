/**
 * Methods that a hold takes service tokens for, as registry and hold have to
 * see them alike.
 *
 * @module
 */

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

/**
 * Methods for which one service token may serve until it expires: a layer of
 * many parts would otherwise need a token for each. Doing them twice does no
 * more than doing them once; for all other methods a token counts once.
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
