/**
 * All XRPC methods that are served. Each has its own file, named by its NSID,
 * and an entry in one of these lists.
 *
 * @module
 */

import { getProfile } from "./app.bsky.actor/get_profile.ts";
import { getProfiles } from "./app.bsky.actor/get_profiles.ts";
import { describeFeedGenerator } from "./app.bsky.feed/describe_feed_generator.ts";
import { getFeedSkeleton } from "./app.bsky.feed/get_feed_skeleton.ts";
import { resolveHandle } from "./com.atproto.identity/resolve_handle.ts";
import { applyWrites } from "./com.atproto.repo/apply_writes.ts";
import { createRecord } from "./com.atproto.repo/create_record.ts";
import { deleteRecord } from "./com.atproto.repo/delete_record.ts";
import { describeRepo } from "./com.atproto.repo/describe_repo.ts";
import { getRecord } from "./com.atproto.repo/get_record.ts";
import { listRecords } from "./com.atproto.repo/list_records.ts";
import { putRecord } from "./com.atproto.repo/put_record.ts";
import { uploadBlob } from "./com.atproto.repo/upload_blob.ts";
import { describeServer } from "./com.atproto.server/describe_server.ts";
import { getBlob } from "./com.atproto.sync/get_blob.ts";
import { getBlocks } from "./com.atproto.sync/get_blocks.ts";
import { getLatestCommit } from "./com.atproto.sync/get_latest_commit.ts";
import { getRecordProof } from "./com.atproto.sync/get_record.ts";
import { getRepo } from "./com.atproto.sync/get_repo.ts";
import { getRepoStatus } from "./com.atproto.sync/get_repo_status.ts";
import { listBlobs } from "./com.atproto.sync/list_blobs.ts";
import { listRepos } from "./com.atproto.sync/list_repos.ts";
import { subscribeRepos } from "./com.atproto.sync/subscribe_repos.ts";
import { abortUpload } from "./io.atcr.hold/abort_upload.ts";
import { completeUpload } from "./io.atcr.hold/complete_upload.ts";
import { deleteUserData } from "./io.atcr.hold/delete_user_data.ts";
import { exportUserData } from "./io.atcr.hold/export_user_data.ts";
import { getLayersForManifest } from "./io.atcr.hold/get_layers_for_manifest.ts";
import { getPartUploadUrl } from "./io.atcr.hold/get_part_upload_url.ts";
import { getQuota } from "./io.atcr.hold/get_quota.ts";
import { initiateUpload } from "./io.atcr.hold/initiate_upload.ts";
import { listLayers } from "./io.atcr.hold/list_layers.ts";
import { notifyManifest } from "./io.atcr.hold/notify_manifest.ts";
import { requestCrew } from "./io.atcr.hold/request_crew.ts";
import { setStats } from "./io.atcr.hold/set_stats.ts";
import { updateCrewTier } from "./io.atcr.hold/update_crew_tier.ts";
import { uploadPart } from "./io.atcr.hold/upload_part.ts";
import type { Method } from "./mount.ts";

/** Methods of the hold for registries and users. */
const HOLD_METHODS = [
  abortUpload,
  completeUpload,
  deleteUserData,
  exportUserData,
  getLayersForManifest,
  getPartUploadUrl,
  getQuota,
  initiateUpload,
  listLayers,
  notifyManifest,
  requestCrew,
  setStats,
  updateCrewTier,
  uploadPart,
] as const;

/** Methods of the embedded PDS. */
const PDS_METHODS = [
  applyWrites,
  createRecord,
  deleteRecord,
  describeFeedGenerator,
  describeRepo,
  describeServer,
  getBlob,
  getBlocks,
  getFeedSkeleton,
  getLatestCommit,
  getProfile,
  getProfiles,
  getRecord,
  getRecordProof,
  getRepo,
  getRepoStatus,
  listBlobs,
  listRecords,
  listRepos,
  putRecord,
  resolveHandle,
  subscribeRepos,
  uploadBlob,
] as const;

/** Dependencies of all methods of a list. */
type DepsOf<List extends readonly unknown[]> = Takes<List[number]> extends
  (deps: infer Deps) => void ? Deps : never;

type Takes<Maker> = Maker extends (deps: infer Deps) => Method
  ? (deps: Deps) => void
  : never;

export type HoldMethodDeps = DepsOf<typeof HOLD_METHODS>;

export type PdsMethodDeps = DepsOf<typeof PDS_METHODS>;

/** The methods of `io.atcr.hold`. */
export function holdMethods(deps: HoldMethodDeps): Method[] {
  return HOLD_METHODS.map((make) => make(deps));
}

/** The methods of the embedded PDS. */
export function pdsMethods(deps: PdsMethodDeps): Method[] {
  return PDS_METHODS.map((make) => make(deps));
}
