/**
 * Builds the registry.
 *
 * @module
 */

import type { Did } from "../did.ts";
import { PartMemory } from "../async/part_memory.ts";
import type { Hosting } from "../atproto/hosting/hosting.ts";
import type { IdentityResolver } from "../atproto/identity/identity.ts";
import type { PdsReader, PdsSession } from "../atproto/pds/pds.ts";
import type { PdsSilence } from "../atproto/pds/pds_pace.ts";
import type { Config } from "../config/config.ts";
import type { SecretBox } from "../crypto/secret_box.ts";
import type { RecordHandler } from "../index/record_change.ts";
import type { JobRunner } from "../kv/jobs/job_runner.ts";
import { BlobIndex } from "../registry/blob_index.ts";
import { ConfigReader } from "../registry/config_reader.ts";
import { ImageSummaries } from "../registry/browse/image_summary.ts";
import { ImageViews } from "../registry/browse/image_view.ts";
import { LayersOfImages } from "../registry/browse/layers_of_images.ts";
import { ParsedManifests } from "../registry/browse/parsed_manifests.ts";
import { TagDeletion } from "../registry/browse/tag_deletion.ts";
import { TagList } from "../registry/browse/tag_list.ts";
import type { TagOrder } from "../registry/browse/tag_order.ts";
import { Blobs } from "../registry/blobs.ts";
import { ManifestContent } from "../registry/manifests/content.ts";
import { ContentScrub } from "../registry/manifests/content_scrub.ts";
import type { ScrubSource } from "../scrub/source.ts";
import type { Digest } from "../oci/digest.ts";
import type { Caller, HoldClient } from "../hold_api/hold_client.ts";
import type { HoldMember } from "../hold_api/hold_member.ts";
import type { RepositoryDeletion } from "../registry/deletion/repository_deletion.ts";
import type { HoldMembers } from "../registry/hold_members.ts";
import { Holds } from "../registry/holds.ts";
import { ReadableHolds } from "../registry/lists/readable_holds.ts";
import { Lists } from "../registry/lists/lists.ts";
import { ManifestDeletion } from "../registry/manifests/manifest_deletion.ts";
import { ManifestPush } from "../registry/manifests/manifest_push.ts";
import { ManifestRemoval } from "../registry/manifests/manifest_removal.ts";
import { ManifestUses } from "../registry/manifests/manifest_uses.ts";
import type { RepoRef } from "../registry/manifests/manifest_index.ts";
import { Manifests } from "../registry/manifests/manifests.ts";
import { Mounts } from "../registry/mounts.ts";
import { HiddenRepositories } from "../registry/owners/hidden_repositories.ts";
import { RecordCheck } from "../registry/manifests/record_check.ts";
import { OwnerRecords } from "../registry/owners/owner_records.ts";
import { Owners } from "../registry/owners/owners.ts";
import { SailorSettings } from "../registry/owners/sailor_settings.ts";
import { PUSH_DELIVERY, PushDeliveries } from "../registry/push_delivery.ts";
import type { HoldFetch } from "../registry/remote_hold/remote_calls.ts";
import { RemoteHold } from "../registry/remote_hold/remote_hold.ts";
import { RemoteTails } from "../registry/remote_hold/remote_tails.ts";
import { RepositoryList } from "../registry/lists/repository_list.ts";
import { TaggedReferrers } from "../registry/lists/tagged_referrers.ts";
import { UploadIds } from "../registry/upload_ids.ts";
import { Uploads } from "../registry/uploads.ts";
import type { RepositoryIndex } from "../registry/manifests/repository_changes.ts";
import { ImageNotes } from "../registry/image_notes.ts";
import { type PullListener, Pulls } from "../registry/pulls.ts";
import type { RepositoryEvents } from "../registry/repository_events.ts";
import {
  createRepositoryDeletion,
  createUntagged,
  joinedEvents,
} from "./members/owner_deletions.ts";
import { createMembers } from "./members/members.ts";
import { ownerEvents } from "./members/owner_events.ts";
import { targetRules } from "./members/target_rules.ts";
import type { Platform } from "./platform.ts";
import { createKnowledge, type Knowledge } from "./registry_knowledge.ts";
import { REMOVAL } from "../registry/manifests/removal_job.ts";

export interface RegistryContextDeps extends Platform {
  config: Config;
  /** Runner of the registry's jobs. */
  jobs: JobRunner;
  identities: IdentityResolver;
  pds: PdsReader;
  /** PDSes that hang. */
  silence: PdsSilence;
  /** Makes ids of uploads that any instance can check. */
  box: Pick<SecretBox, "mac">;
  hosting: Hosting;
  fetch: HoldFetch;
  /** Origins that may be reached without https in test mode and in the sandbox. */
  plainOrigins: readonly string[];
  session: (did: Did) => Promise<PdsSession | undefined>;
  /** This server's own hold, if one runs here. */
  ownHold: HoldClient | undefined;
  /** The same, as accounts use it. */
  ownMember: HoldMember | undefined;
  defaultHold: Did;
  /** Follows the repositories, for pages and search. */
  followers: RepositoryIndex;
  /** Receives pushes and deletes. */
  events: RepositoryEvents;
  /** Counts pulls. */
  pulls: PullListener;
  /** Knows the order of tags by time. */
  order: TagOrder;
}

/** The services of the registry. */
export interface RegistryContext {
  readonly owners: Owners;
  readonly uploads: Uploads;
  readonly mounts: Mounts;
  readonly blobs: Blobs;
  readonly manifests: Manifests;
  readonly pulls: Pulls;
  /** Annotations and labels of images that were pushed here. */
  readonly notes: ImageNotes;
  readonly push: ManifestPush;
  /** Undefined if holds are not notified of pushes. */
  readonly deliveries: PushDeliveries | undefined;
  readonly lists: Lists;
  /** Sources for scrubs. */
  readonly scrubs: readonly ScrubSource[];
  readonly content: ManifestContent;
  /** For pages. */
  readonly tagList: TagList;
  readonly images: ImageViews;
  readonly layers: LayersOfImages;
  readonly tagDeletion: TagDeletion;
  readonly repositoryDeletion: RepositoryDeletion;
  /** Where a client may pull, for one list: all holds together get a few seconds to answer. */
  readonly mayReadAs: (caller: Caller) => (hold: Did) => Promise<boolean>;
  /** What accounts do at holds besides storing images. */
  readonly members: HoldMembers;
  /** The hold of owners who have chosen none. */
  readonly defaultHold: Did;
  /** Settings that owners keep in their repos. */
  readonly sailorSettings: SailorSettings;
  /** Takes what the network says about owners' records. */
  readonly ownerEvents: RecordHandler;
  /** The hold of an image that is known here. */
  readonly holdOf: (ref: RepoRef, digest: Digest) => Promise<Did | undefined>;
}

const HOUR_MS = 3_600_000;

/** Wires the services of the registry. */
export function createRegistry(deps: RegistryContextDeps): RegistryContext {
  const { config, kv, clock, jobs } = deps;
  const settings = config.registry;
  const ttlMs = settings.upload_ttl_hours * HOUR_MS;
  const holds = createHolds(deps, ttlMs);
  const repositories = new RepositoryList(kv);
  const blobIndex = new BlobIndex(kv);
  const known = createKnowledge(deps, blobIndex);
  const { index, content, discovery, owners } = known;
  const records = new OwnerRecords(deps.pds, clock);
  const parts = {
    ...deps,
    ...known,
    holds,
    records,
    hidden: new HiddenRepositories({ holds, repositories, owners, clock }),
    uses: createUses(deps, known),
    tagRecheckMs: settings.tag_recheck_seconds * 1000,
  };
  const removal = new ManifestRemoval(parts);
  jobs.register(REMOVAL, (work, run) => removal.run(work, run));
  const deletion = new ManifestDeletion({ ...parts, removal });
  const untagged = createUntagged({ ...parts, deletion });
  const blobs = new Blobs({
    ...parts,
    index: blobIndex,
    delivery: settings.delivery,
    directBytes: settings.direct_blob_bytes,
  });
  const deliveries = settings.notify_holds
    ? new PushDeliveries(parts)
    : undefined;
  if (deliveries) {
    jobs.register(PUSH_DELIVERY, (delivery) => deliveries.redeliver(delivery));
  }
  const recordCheck = new RecordCheck({
    ...parts,
    intervalMs: parts.tagRecheckMs,
  });
  const manifests = new Manifests({ ...parts, recordCheck, deletion });
  const taggedReferrers = new TaggedReferrers({ ...deps, index, discovery });
  const configs = new ConfigReader({ holds });
  const lists = new Lists({ ...parts, repositories, taggedReferrers });
  return {
    ...createBrowse({ ...parts, configs, manifests, lists }),
    owners,
    blobs,
    content,
    manifests,
    lists,
    mayReadAs: readersOf(deps, holds),
    ownerEvents: ownerEvents(known),
    holdOf: async (ref, digest) => (await index.manifest(ref, digest))?.holdDid,
    deliveries,
    defaultHold: deps.defaultHold,
    repositoryDeletion: createRepositoryDeletion({ ...parts, manifests }),
    members: createMembers({
      ...deps,
      targetsOf: (did) => targetRules(config, deps.plainOrigins, did),
    }),
    sailorSettings: new SailorSettings(parts),
    mounts: new Mounts({ holds, blobs: blobIndex }),
    scrubs: [new ContentScrub(kv, known.values)],
    uploads: new Uploads({
      ...parts,
      ids: new UploadIds((...words) => deps.box.mac("upload id", ...words)),
      ttlMs,
    }),
    notes: new ImageNotes({ ...parts, configs }),
    pulls: new Pulls(parts),
    push: new ManifestPush({
      ...parts,
      events: joinedEvents(deps.events, untagged),
      blobs: blobIndex,
      deliveries,
      allowMissingBlobs: settings.allow_missing_blobs,
    }),
  };
}

/** Asks holds on behalf of clients. */
function readersOf(
  { clock }: RegistryContextDeps,
  holds: Holds,
): RegistryContext["mayReadAs"] {
  const readable = new ReadableHolds({ clock, holds });
  return (caller) => {
    const ask = readable.begin();
    return async (hold) => (await ask([{ hold, caller }]))[0] === true;
  };
}

/** Creates what pages read. */
function createBrowse(
  deps:
    & Pick<RegistryContextDeps, "kv" | "order">
    & Pick<Knowledge, "content" | "index">
    & {
      holds: Holds;
      configs: ConfigReader;
      manifests: Manifests;
      lists: Lists;
    },
): Pick<RegistryContext, "tagList" | "images" | "layers" | "tagDeletion"> {
  const parsed = new ParsedManifests(deps.content);
  const summaries = new ImageSummaries({ ...deps, parsed });
  const tagList = new TagList({ ...deps, summaries });
  const parts = { ...deps, summaries, tags: tagList };
  return {
    tagList,
    images: new ImageViews(parts),
    layers: new LayersOfImages({ ...deps, parsed }),
    tagDeletion: new TagDeletion(parts),
  };
}

/** Creates the clients of this server's hold and of others. */
function createHolds(deps: RegistryContextDeps, uploadTtlMs: number): Holds {
  const { config, plainOrigins, ownHold, identities } = deps;
  // Not that of this server's hold: slow holds of others must not use it up.
  const partMemory = new PartMemory({ clock: deps.clock });
  const tails = new RemoteTails({ ...deps, ttlMs: uploadTtlMs });
  return new Holds({
    own: ownHold,
    identities,
    remote: (did, origin) =>
      new RemoteHold({
        ...deps,
        did,
        origin,
        targets: targetRules(config, plainOrigins, did),
        uploadTtlMs,
        partMemory,
        tails,
      }),
  });
}

/** Creates the index of manifests that need a blob or another manifest. */
function createUses(
  { config, kv, identities }: RegistryContextDeps,
  { content, discovery }: Knowledge,
): ManifestUses {
  return new ManifestUses({
    kv,
    bytes: async ({ did, repo }, digest) =>
      await content.get(digest) ??
        await discovery.bytes(await identities.resolve(did), repo, digest),
    allowed: config.registry.delete_in_use,
  });
}
