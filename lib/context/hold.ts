/**
 * Builds the hold.
 *
 * @module
 */

import type { Did, IdentityResolver } from "../atproto/identity.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config/config.ts";
import { AppError } from "../errors.ts";
import { HoldAccess } from "../hold/access.ts";
import { BlobRows } from "../hold/blob_rows.ts";
import { HoldBlobs } from "../hold/blobs.ts";
import { bootstrapHold } from "../hold/bootstrap.ts";
import { HoldCrew } from "../hold/crew.ts";
import type { HoldRecords } from "../hold/records.ts";
import { HoldUploads } from "../hold/uploads.ts";
import type { Kv } from "../kv/kv.ts";
import type { Logger } from "../log.ts";
import { DEFAULT_RETENTION } from "../repo/event_log.ts";
import { Repo } from "../repo/repo.ts";
import { type KeyBox, loadSigningKey } from "../repo/signing_key.ts";
import type { RecordValidator } from "../repo/writes.ts";
import type { BlobStore } from "../storage/blob_store.ts";
import { StorageKeys } from "../storage/keys.ts";

/** What {@linkcode createHold} needs. */
export interface HoldContextDeps {
  config: Config;
  kv: Kv;
  clock: Clock;
  log: Logger;
  store: BlobStore;
  box: KeyBox;
  identities: IdentityResolver;
  validator: RecordValidator;
}

/** The services of the hold. */
export interface HoldContext {
  readonly did: Did;
  readonly publicUrl: string;
  readonly repo: Repo;
  readonly records: HoldRecords;
  readonly access: HoldAccess;
  readonly crew: HoldCrew;
  readonly uploads: HoldUploads;
  readonly blobs: HoldBlobs;
  readonly signingKey: string;
}

const HOUR_MS = 3_600_000;

/** The did:web of an origin; a port is percent-encoded (did:web specification). */
export function didWebOf(origin: string): Did {
  return `did:web:${new URL(origin).host.replace(":", "%3A")}`;
}

/** Opens the repo, writes the captain, and starts nothing. */
export async function createHold(deps: HoldContextDeps): Promise<HoldContext> {
  const { config, kv, clock, log, store, box } = deps;
  const settings = config.hold;
  const publicUrl = settings.public_url;
  const did = settings.did as Did | undefined ?? didWebOf(publicUrl);
  const signer = await loadSigningKey(kv, box, did);
  const repo = await Repo.open({
    did,
    handle: new URL(publicUrl).host,
    kv,
    signer,
    validator: deps.validator,
    clock,
    logger: log,
    retention: {
      ...DEFAULT_RETENTION,
      maxAgeMs: settings.firehose_retention_hours * HOUR_MS,
    },
  });
  const records: HoldRecords = repo;
  const access = new HoldAccess({ records, clock });
  const owner = await ownerOf(settings.owner, deps.identities);
  if (owner) {
    await bootstrapHold({ records, clock, log }, {
      ownerDid: owner,
      public: settings.public,
      allowAllCrew: settings.allow_all_crew,
      enableBlueskyPosts: settings.enable_bluesky_posts,
      ...(settings.region === undefined ? {} : { region: settings.region }),
    });
  }
  const rows = new BlobRows({ kv, clock });
  const keys = new StorageKeys(config.storage.s3.prefix);
  const presign = settings.presigned_urls;
  return {
    did,
    publicUrl,
    repo,
    records,
    access,
    crew: new HoldCrew({ records, access, clock }),
    uploads: new HoldUploads({
      kv,
      store,
      keys,
      rows,
      clock,
      log,
      allowance: { remaining: () => Promise.resolve(undefined) },
      baseUrl: publicUrl,
      presign,
      maxBlobBytes: settings.max_blob_bytes,
      ttlMs: config.registry.upload_ttl_hours * HOUR_MS,
    }),
    blobs: new HoldBlobs({ store, keys, rows, clock, log, presign }),
    signingKey: signer.didKey,
  };
}

async function ownerOf(
  owner: string | undefined,
  identities: IdentityResolver,
): Promise<Did | undefined> {
  if (owner === undefined) return undefined;
  if (owner.startsWith("did:")) return owner as Did;
  try {
    return (await identities.resolve(owner)).did;
  } catch (cause) {
    throw new AppError(
      "UNAVAILABLE",
      `The owner of the hold, ${owner}, cannot be resolved. Check the setting hold.owner (HOLD_OWNER), or give the DID instead of the handle.`,
      { cause },
    );
  }
}
