/**
 * Builds and wires the services of the roles that run in this process.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { IdentityResolver } from "../atproto/identity/identity.ts";
import { type GuardedFetch } from "../net/guarded_fetch.ts";
import { Hosting } from "../atproto/hosting/hosting.ts";
import type { PdsReader } from "../atproto/pds/pds.ts";
import type { PdsSilence } from "../atproto/pds/pds_pace.ts";
import { SecretBox } from "../crypto/secret_box.ts";
import type { AccountData } from "../registry/account/account_data.ts";
import type { AvatarService } from "../avatar/service.ts";
import type { Config } from "../config/config.ts";
import type { Branding } from "./pictures/branding.ts";
import { createAccountData } from "./members/account_data.ts";
import { type AuthContext, type AuthContextDeps, createAuth } from "./auth.ts";
import { createAvatars } from "./avatar.ts";
import { createIndex, type IndexContext } from "./index.ts";
import { type CatalogContext, createCatalog } from "./social/catalog.ts";
import { createStreams, type NetworkStreams } from "./streams.ts";
import { createHold, type HoldContext } from "./hold.ts";
import { createRegistry, type RegistryContext } from "./registry.ts";
import { nearMember } from "./members/near_member.ts";
import { createPictures, type PicturesContext } from "./pictures/pictures.ts";
import { createShare, type ShareContext } from "./pictures/share.ts";
import { createSocial, type SocialContext } from "./social/social.ts";
import { LiveActivity } from "../index/counts/live_activity.ts";
import { rowsOfCommit } from "../index/holds/own_hold.ts";
import { manifestSource } from "./manifest_source.ts";
import { AppError } from "../errors.ts";
import type { Instance } from "../kv/operating/instance.ts";
import { JobRunner } from "../kv/jobs/job_runner.ts";
import { LargeValues } from "../kv/large_value.ts";
import type { TagOrder } from "../registry/browse/tag_order.ts";
import { registryKeys } from "../registry/kv_keys.ts";
import { UNHEARD } from "../registry/repository_events.ts";
import type { RecordEdit } from "../repo/types.ts";
import type { JoinedRow } from "../kv/joined_rows.ts";
import { LocalHold } from "../registry/local_hold.ts";
import type { BlobStore } from "../storage/blob_store.ts";
import type { SandboxNetwork } from "./network.ts";
import type { Platform } from "./platform.ts";
import {
  createWebhooks,
  type WebhooksContext,
  type WebhooksContextDeps,
} from "./webhooks.ts";

/** Dependencies of the services of all roles. */
export interface Base extends Platform {
  readonly config: Config;
  readonly branding: Branding;
  readonly box: SecretBox;
  readonly store: BlobStore;
  readonly jobs: JobRunner;
  readonly instance: Instance;
  readonly fetch: GuardedFetch;
  readonly identities: IdentityResolver;
  readonly pds: PdsReader;
  /** PDSes that hang. */
  readonly silence: PdsSilence;
  readonly hosting: Hosting;
  readonly plainOrigins: readonly string[];
}

/** The services of each role; undefined if it does not run. */
export interface Services {
  readonly auth: AuthContext;
  readonly registry: RegistryContext | undefined;
  /** Undefined where they are switched off, or no registry runs. */
  readonly webhooks: WebhooksContext | undefined;
  readonly hold: HoldContext | undefined;
  readonly avatars: AvatarService | undefined;
  /** Runs with the registry. */
  readonly index: IndexContext | undefined;
  /** Runs with the registry. */
  readonly social: SocialContext | undefined;
  /** Runs with the registry. */
  readonly catalog: CatalogContext | undefined;
  /** Export and deletion of what is kept about accounts; runs with the registry. */
  readonly account: AccountData | undefined;
  /** New pushes for pages; runs with the registry. */
  readonly live: LiveActivity | undefined;
  /** Pictures that records and texts name; runs with avatars. */
  readonly pictures: PicturesContext | undefined;
  /** Pictures of links to pages, and of posts. */
  readonly share: ShareContext;
  /** Event streams of the network. */
  readonly streams: NetworkStreams;
}

/** Creates the services of the roles that run here. */
export async function createServices(
  base: Base,
  sandbox: SandboxNetwork | undefined,
): Promise<Services> {
  const { config, hosting, log } = base;
  const runs = (role: Config["server"]["roles"][number]) =>
    config.server.roles.includes(role);
  const holdOf: WebhooksContextDeps["holdOf"] = async (ref, digest) =>
    await registry?.holdOf(ref, digest);
  const webhooks = runs("registry") && config.webhooks.enabled
    ? createWebhooks({
      ...base,
      holdOf,
      popularityOf: (ref) => popularityOf(social, ref),
    })
    : undefined;
  const share = createShare(base);
  const hold = runs("hold")
    ? await createHold({
      ...base,
      share: share.pictures,
      plcDirectory: sandbox?.plc ?? config.identity.plc_url,
      manifests: manifests(base),
      join: (did) => (edits, rev) => [
        ...rowsOfCommit(did, edits, rev, base.clock.now()),
        ...scanRows(webhooks, did, edits),
      ],
    })
    : undefined;
  const onLogin: AuthContextDeps["onLogin"] = async (identity, session) => {
    const { did, handle } = identity;
    await social?.people.actors.meet(did, handle).catch((error) =>
      log.warn("account not noted", { did, error })
    );
    await registry?.owners.ensureProfile(identity, session).catch((error) =>
      log.warn("sailor profile not written", { did: identity.did, error })
    );
  };
  const auth = createAuth({
    ...base,
    onWritten: (did) => hosting.written(did),
    onLogin,
  });
  const home = runs("registry") ? defaultHold(config, hold?.did) : undefined;
  const index = home && createIndex({
    ...base,
    defaultHold: home,
    ownHold: hold?.repo,
    handlers: webhooks ? [webhooks.scans] : [],
  });
  const social: SocialContext | undefined = index &&
    createSocial({
      ...{ ...base, index },
      session: auth.session,
      notesOf: async (ref, digest) => await registry?.notes.of(ref, digest),
    });
  const registry: RegistryContext | undefined = home && index && social
    ? createRegistry({
      ...base,
      session: auth.session,
      ownHold: hold && localHold(hold),
      ownMember: hold && nearMember(hold),
      defaultHold: home,
      events: social.eventsWith(webhooks?.events ?? UNHEARD),
      pulls: social.counts.counter,
      followers: index.changes,
      order: tagOrder(index),
    })
    : undefined;
  const avatars = runs("avatar") ? createAvatars(base) : undefined;
  const pictures = avatars && createPictures(base, avatars, share);
  const parts = { avatars, index, registry, social };
  const streams = createStreams(base, parts, sandbox);
  const catalog = index && social && createCatalog({ ...base, index, social });
  const live = registry && social && new LiveActivity({
    ...base,
    activities: social.counts.activities,
    mayRead: () => registry.mayReadAs(undefined),
  });
  const account = index && social && registry && createAccountData({
    ...{ ...base, auth, webhooks, index, social },
    members: registry.members,
  });
  const network = { index, social, catalog, live, streams, account };
  return {
    auth,
    registry,
    webhooks,
    hold,
    avatars,
    pictures,
    share,
    ...network,
  };
}

async function popularityOf(
  social: SocialContext | undefined,
  ref: { readonly did: Did; readonly repo: string },
) {
  const [[stars = 0] = [], [pulls = 0] = []] = await Promise.all([
    social?.people.starIndex.counts([ref]),
    social?.counts.pulls.totals([ref]),
  ]);
  return { stars, pulls };
}

/** Jobs for the reports of scanners that a commit of the own hold writes. */
function scanRows(
  webhooks: WebhooksContext | undefined,
  did: Did,
  edits: readonly RecordEdit[],
): readonly JoinedRow[] {
  if (!webhooks) return [];
  const { collections } = webhooks.scans;
  return edits.flatMap(({ collection, after }) => {
    const isScan = collections.some((one) => one === collection);
    const record = isScan ? after() : undefined;
    return webhooks.scans.plan({ did, record })?.rows ?? [];
  });
}

/** Source of manifests for the hold: those stored by the registry, else the owner's PDS. */
function manifests({ config, kv, clock, identities, pds }: Base) {
  return manifestSource({
    identities,
    pds,
    maxManifestBytes: config.registry.max_manifest_bytes,
    stored: (digest) =>
      new LargeValues(kv, clock).get(registryKeys.content(digest)),
  });
}

/** The registry's client of the hold in this process. */
function localHold(hold: HoldContext): LocalHold {
  return new LocalHold({
    ...hold,
    admitPush: (event) => hold.notify.admit(event),
    notifyPush: async (caller, event) => {
      await hold.notify.push(caller, event);
    },
    blobUnlinked: async (owner, digest) => {
      await hold.quota.ledger.released(owner, [digest]);
    },
    mayNeed: (owner, digests) => hold.uploaders.mayNeed(owner, digests),
    manifestDeleted: async (owner, digest) => {
      await hold.layerRecords.manifestDeleted(owner, digest);
    },
    countPull: ({ owner, repository }) =>
      hold.notify.pull({ owner, repository }),
  });
}

/** The order of tags, as the index keeps it. */
function tagOrder({ cards, tags }: IndexContext): TagOrder {
  return {
    count: async (did, repo, mayRead) =>
      (await cards.card(did, repo, mayRead))?.tags,
    newest: (...request) => tags.newest(...request),
  };
}

/** The default hold of owners. */
function defaultHold(config: Config, own: Did | undefined): Did {
  const did = config.server.default_hold_did ?? own;
  if (did !== undefined) return did;
  throw new AppError(
    "UNAVAILABLE",
    "No hold is known: run one here (role hold) or set server.default_hold_did.",
  );
}
