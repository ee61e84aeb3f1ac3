/**
 * A whole hold for tests: uploads, records, quota, posts, garbage collection.
 *
 * @module
 */

import type { Did } from "../did.ts";
import { AppError } from "../errors.ts";
import type { PushEvent } from "../hold_api/push_event.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import type { Repo } from "../repo/repo.ts";
import type { RecordValidator } from "../repo/writes.ts";
import { MemoryBlobStore } from "../storage/memory.ts";
import { bootstrapHold, type HoldSettings } from "./bootstrap.ts";
import { type ManifestSource } from "./gc/manifest_census.ts";
import type { PictureOfPost } from "./pushes/posts.ts";
import { HoldQuota, type Tier } from "./quota/quota.ts";
import { COLLECTIONS, type HoldRecord } from "./records.ts";
import {
  bodyOf,
  CAPTAIN,
  openHold,
  openRepo,
  type TestHold,
} from "./testing.ts";
import { silentLogger } from "../testing_log.ts";
import { createHoldServices, type HoldServices } from "./services.ts";

/** Two tiers, of 1,000 and 5,000 bytes; without another one an account has the first. */
export const TIERS = {
  tiers: [{ name: "deckhand", quota: 1000 }, { name: "bosun", quota: 5000 }],
  defaultTier: "deckhand",
};

/** Options of the test hold. */
export interface ServiceOptions {
  settings?: Partial<HoldSettings>;
  tiers?: readonly Tier[];
  defaultTier?: string;
  validator?: RecordValidator;
  source?: ManifestSource;
  postsPerHour?: number;
  pictureOf?: PictureOfPost;
  /** True by default. */
  layerRecordsEnabled?: boolean;
}

/** A hold with all services. */
export interface TestServices extends TestHold, HoldServices {
  readonly records: Repo;
  /** The quota service of another instance. */
  instance(): HoldQuota;
  /** Metrics. */
  readonly counts: Record<string, number>;
  /** Uploads a blob and returns its digest. */
  push(caller: Did, bytes: Uint8Array): Promise<Digest>;
  /** All records of a collection. */
  all(collection: keyof typeof COLLECTIONS): Promise<HoldRecord[]>;
}

/** Content of the owners' repos. */
export class TestRepos implements ManifestSource {
  readonly #manifests = new Map<PushEvent, Did | undefined>();
  /** Owners whose repos cannot be read. */
  readonly down = new Set<Did>();
  /** Manifests whose bytes the repos have lost. */
  readonly lost = new Set<PushEvent>();
  /** Those of them whose records list no blobs. */
  readonly bare = new Set<PushEvent>();
  /** Digests in fields of manifests that their push events do not have. */
  readonly named = new Map<PushEvent, readonly Digest[]>();

  /** Puts the record of a manifest into its owner's repo. */
  add(event: PushEvent, holdDid?: Did): void {
    this.#manifests.set(event, holdDid);
  }

  delete(event: PushEvent): void {
    this.#manifests.delete(event);
  }

  async *manifestsOf(owner: Did) {
    await Promise.resolve();
    for (const [event, holdDid] of this.#manifests) {
      const { digest } = event;
      if (event.owner !== owner || digest === undefined) continue;
      yield {
        digest,
        holdDid,
        contents: () =>
          Promise.resolve(this.bare.has(event) ? undefined : event),
        named: () =>
          Promise.resolve(
            this.lost.has(event) ? undefined : this.named.get(event) ?? [],
          ),
      };
    }
    if (this.down.has(owner)) {
      throw new AppError("UPSTREAM_FAILED", "The PDS is down.");
    }
  }
}

/** A hold whose captain is {@linkcode CAPTAIN}, with `allowAllCrew` by default. */
export async function openServices(
  options: ServiceOptions = {},
): Promise<TestServices> {
  const hold = await openHold(new MemoryBlobStore());
  const { kv, clock } = hold;
  const { validator } = options;
  const records = await openRepo({
    kv,
    clock,
    ...(validator ? { validator } : {}),
  });
  await bootstrapHold({ records, clock, log: silentLogger }, {
    ownerDid: CAPTAIN,
    public: false,
    allowAllCrew: true,
    enableBlueskyPosts: false,
    ...options.settings,
  });
  const counts: Record<string, number> = {};
  const count = (name: string, by = 1) => {
    counts[name] = (counts[name] ?? 0) + by;
  };
  const deps = {
    ...hold,
    log: silentLogger,
    metrics: {
      notificationReceived: (operation: string) => count(operation),
      notificationFailed: (code: string) => count(`failed ${code}`),
      layersCreated: (number: number) => count("layers", number),
      layersMissing: (number: number) => count("missing", number),
      postCreated: () => count("posts"),
    },
    records,
    tiers: options.tiers ?? [],
    defaultTier: options.defaultTier,
    handleOf: (did: Did) => Promise.resolve(`${did.slice(8, 13)}.test`),
    registryUrl: "https://registry.example.com",
    postsPerHour: options.postsPerHour ?? 10,
    ...(options.pictureOf ? { pictureOf: options.pictureOf } : {}),
    postHashtags: 0,
    source: options.source ?? new TestRepos(),
    graceMs: 24 * 3_600_000,
    layerRecordsEnabled: options.layerRecordsEnabled ?? true,
  };
  const services = createHoldServices(deps);
  const { access, quota } = services;
  const uploads = hold.restart({ quota: quota.rooms });
  return {
    ...hold,
    ...services,
    uploads,
    records,
    instance: () => new HoldQuota({ ...deps, access }),
    counts,
    async push(caller, bytes) {
      const upload = await uploads.initiate(caller);
      const { uploadId } = upload;
      await uploads.append(upload, 0, bodyOf(bytes));
      const { digest } = await uploads.complete(uploadId, digestOf(bytes));
      return digest;
    },
    all: (collection) =>
      Array.fromAsync(records.allRecords(COLLECTIONS[collection])),
    [Symbol.asyncDispose]: () => hold[Symbol.asyncDispose](),
  };
}

/** A push of an image with `layers`; the digest of its manifest is derived from `name`. */
export function imageOf(
  owner: Did,
  layers: readonly Digest[],
  more: Partial<PushEvent> & { name?: string; config?: Digest } = {},
): PushEvent {
  const { name = layers.join(), config, ...rest } = more;
  return {
    owner,
    repository: "myapp",
    digest: digestOf(new TextEncoder().encode(name)),
    manifest: {
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      ...(config ? { config: { digest: config, size: 1 } } : {}),
      layers: layers.map((digest) => ({
        digest,
        size: 1,
        mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
      })),
    },
    ...rest,
  };
}

/** A push of an index with `entries`; the digest of its manifest is derived from `name`. */
export function indexOf(
  owner: Did,
  entries: readonly Digest[],
  name: string,
): PushEvent {
  const event = imageOf(owner, [], { name });
  return {
    ...event,
    manifest: {
      mediaType: "application/vnd.oci.image.index.v1+json",
      layers: [],
      manifests: imageOf(owner, entries).manifest.layers,
    },
  };
}

/** Runs garbage collections until everything that is not needed is deleted. */
export async function collect(hold: TestServices): Promise<void> {
  for (let i = 0; i < 2; i++) {
    hold.clock.advance(8 * 24 * 3_600_000);
    await hold.gc.run();
  }
}
