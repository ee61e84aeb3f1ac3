/**
 * Builds the registry's view of owners: readers, the index, and stored
 * manifests.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Hosting } from "../atproto/hosting/hosting.ts";
import type { IdentityResolver } from "../atproto/identity/identity.ts";
import type { PdsReader } from "../atproto/pds/pds.ts";
import type { Config } from "../config/config.ts";
import { LargeValues } from "../kv/large_value.ts";
import { RateLimiter } from "../kv/rate_limit.ts";
import { BlobIndex } from "../registry/blob_index.ts";
import { ManifestContent } from "../registry/manifests/content.ts";
import { Discovery } from "../registry/manifests/discovery.ts";
import { GoneManifests } from "../registry/lists/gone_manifests.ts";
import { HeardRows } from "../registry/manifests/heard_rows.ts";
import { ManifestImport } from "../registry/manifests/manifest_import.ts";
import { ManifestIndex } from "../registry/manifests/manifest_index.ts";
import type { RepositoryIndex } from "../registry/manifests/repository_changes.ts";
import { OwnerNames } from "../registry/manifests/owner_names.ts";
import { OwnerReader } from "../registry/owners/owner_reader.ts";
import { Owners } from "../registry/owners/owners.ts";
import { WriteLeases } from "../registry/write_leases.ts";
import type { Platform } from "./platform.ts";

/** The registry's view of owners and their repos. */
export interface Knowledge {
  readonly index: ManifestIndex;
  readonly heard: HeardRows;
  readonly values: LargeValues;
  readonly content: ManifestContent;
  readonly reader: OwnerReader;
  readonly owners: Owners;
  readonly names: OwnerNames;
  readonly discovery: Discovery;
  readonly leases: WriteLeases;
  readonly gone: GoneManifests;
}

export interface KnowledgeDeps extends Platform {
  readonly config: Config;
  readonly identities: IdentityResolver;
  readonly pds: PdsReader;
  readonly hosting: Hosting;
  readonly defaultHold: Did;
  /** Follows the repositories, for pages and search. */
  readonly followers: RepositoryIndex;
}

/** Wires the readers of owners, their manifests and their tags. */
export function createKnowledge(
  deps: KnowledgeDeps,
  blobs: BlobIndex,
): Knowledge {
  const { config, kv, clock, log, metrics } = deps;
  const settings = config.registry;
  const values = new LargeValues(kv, clock);
  const content = new ManifestContent({
    kv,
    clock,
    values,
    maxCachedBytes: settings.cached_manifests_mb * 1024 * 1024,
    watch: { log, damaged: () => metrics.manifestsDamaged.inc() },
  });
  const reader = new OwnerReader({
    ...deps,
    maxManifestBytes: settings.max_manifest_bytes,
  });
  const index = new ManifestIndex(kv, deps.followers);
  const heard = new HeardRows(kv);
  const leases = new WriteLeases(kv, clock);
  const gone = new GoneManifests({ kv, log, leases, reader, index });
  const parts = { ...deps, content, reader, index, heard, gone };
  const names = new OwnerNames({
    ...parts,
    relistMs: 10 * settings.tag_recheck_seconds * 1000,
    maxRecords: config.index.max_records_per_account,
  });
  const limits = new RateLimiter(kv, clock);
  const imports = new ManifestImport({ ...parts, blobs, limits });
  return {
    leases,
    gone,
    index,
    heard,
    values,
    content,
    reader,
    owners: new Owners({
      ...parts,
      profileTtlMs: settings.profile_recheck_seconds * 1000,
    }),
    names,
    discovery: new Discovery({ ...parts, names, imports }),
  };
}
