/**
 * Methods that a hold takes service tokens for, as both ends have to see them.
 *
 * @module
 */

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
