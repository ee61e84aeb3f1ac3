/**
 * The lexicon documents of `lexicons/`, imported one by one so that they are
 * part of the program wherever it runs.
 *
 * @module
 */

import authFullApp from "../../../lexicons/io/atcr/authFullApp.json" with {
  type: "json",
};
import hold from "../../../lexicons/io/atcr/hold.json" with { type: "json" };
import holdAbortUpload from "../../../lexicons/io/atcr/hold/abortUpload.json" with {
  type: "json",
};
import holdCaptain from "../../../lexicons/io/atcr/hold/captain.json" with {
  type: "json",
};
import holdCompleteUpload from "../../../lexicons/io/atcr/hold/completeUpload.json" with {
  type: "json",
};
import holdCrew from "../../../lexicons/io/atcr/hold/crew.json" with {
  type: "json",
};
import holdDeleteUserData from "../../../lexicons/io/atcr/hold/deleteUserData.json" with {
  type: "json",
};
import holdExportUserData from "../../../lexicons/io/atcr/hold/exportUserData.json" with {
  type: "json",
};
import holdGetLayersForManifest from "../../../lexicons/io/atcr/hold/getLayersForManifest.json" with {
  type: "json",
};
import holdGetPartUploadUrl from "../../../lexicons/io/atcr/hold/getPartUploadUrl.json" with {
  type: "json",
};
import holdGetQuota from "../../../lexicons/io/atcr/hold/getQuota.json" with {
  type: "json",
};
import holdInitiateUpload from "../../../lexicons/io/atcr/hold/initiateUpload.json" with {
  type: "json",
};
import holdLayer from "../../../lexicons/io/atcr/hold/layer.json" with {
  type: "json",
};
import holdNotifyManifest from "../../../lexicons/io/atcr/hold/notifyManifest.json" with {
  type: "json",
};
import holdRequestCrew from "../../../lexicons/io/atcr/hold/requestCrew.json" with {
  type: "json",
};
import holdScan from "../../../lexicons/io/atcr/hold/scan.json" with {
  type: "json",
};
import holdSetStats from "../../../lexicons/io/atcr/hold/setStats.json" with {
  type: "json",
};
import holdStats from "../../../lexicons/io/atcr/hold/stats.json" with {
  type: "json",
};
import holdSubscribeScanJobs from "../../../lexicons/io/atcr/hold/subscribeScanJobs.json" with {
  type: "json",
};
import holdUpdateCrewTier from "../../../lexicons/io/atcr/hold/updateCrewTier.json" with {
  type: "json",
};
import holdUploadPart from "../../../lexicons/io/atcr/hold/uploadPart.json" with {
  type: "json",
};
import manifest from "../../../lexicons/io/atcr/manifest.json" with {
  type: "json",
};
import repoPage from "../../../lexicons/io/atcr/repo/page.json" with {
  type: "json",
};
import sailorProfile from "../../../lexicons/io/atcr/sailor/profile.json" with {
  type: "json",
};
import sailorStar from "../../../lexicons/io/atcr/sailor/star.json" with {
  type: "json",
};
import sailorWebhook from "../../../lexicons/io/atcr/sailor/webhook.json" with {
  type: "json",
};
import tag from "../../../lexicons/io/atcr/tag.json" with { type: "json" };

/** Every `io.atcr.*` document as it was published here; not to be changed. */
export const LEXICON_DOCUMENTS: readonly unknown[] = [
  authFullApp,
  hold,
  holdAbortUpload,
  holdCaptain,
  holdCompleteUpload,
  holdCrew,
  holdDeleteUserData,
  holdExportUserData,
  holdGetLayersForManifest,
  holdGetPartUploadUrl,
  holdGetQuota,
  holdInitiateUpload,
  holdLayer,
  holdNotifyManifest,
  holdRequestCrew,
  holdScan,
  holdSetStats,
  holdStats,
  holdSubscribeScanJobs,
  holdUpdateCrewTier,
  holdUploadPart,
  manifest,
  repoPage,
  sailorProfile,
  sailorStar,
  sailorWebhook,
  tag,
];
