/**
 * What a rebuild of the index reads: the registry's rows and the owners' repos.
 *
 * @module
 */

import type { IdentityResolver } from "../atproto/identity/identity.ts";
import type { PdsReader } from "../atproto/pds/pds.ts";
import { AppError, isAppError } from "../errors.ts";
import type {
  KeptManifest,
  KeptTag,
  ListedRecord,
  RebuildSources,
} from "../index/rebuild/sources.ts";
import type { Did } from "../did.ts";
import type { Kv } from "../kv/kv.ts";
import { LargeValues } from "../kv/large_value.ts";
import type { Clock } from "../clock.ts";
import { type Digest, digestOf, digestParts } from "../oci/digest.ts";
import type { ParsedManifest } from "../oci/manifest.ts";
import { readManifestAside } from "../oci/manifest_reading.ts";
import { registryKeys } from "../registry/kv_keys.ts";
import { RepositoryList } from "../registry/lists/repository_list.ts";
import { Removals } from "../registry/manifests/removals.ts";
import { UNFOLLOWED } from "../registry/manifests/repository_changes.ts";
import {
  isHeard,
  isRemoved,
  type ManifestRow,
  type StoredTagRow,
} from "../registry/rows.ts";

export interface IndexSourcesDeps {
  kv: Kv;
  clock: Clock;
  identities: IdentityResolver;
  pds: Pick<PdsReader, "listRecords">;
}

/** Pages of 100 records read of one collection; an owner with more is not read to the end. */
const MAX_PAGES = 1_000;

/** The sources of this registry. */
export function indexSources(deps: IndexSourcesDeps): RebuildSources {
  const repositories = new RepositoryList(deps.kv);
  return {
    owners: async function* (last) {
      for await (const did of repositories.owners(last)) {
        if (did !== last) yield did;
      }
    },
    manifests: (did) => manifestsOf(deps, did),
    tags: (did) => tagsOf(deps.kv, did),
    records: (did, collection) => recordsOf(deps, did, collection),
  };
}

async function* manifestsOf(
  { kv, clock }: IndexSourcesDeps,
  did: Did,
): AsyncGenerator<KeptManifest> {
  const values = new LargeValues(kv, clock);
  const prefix = registryKeys.ownerManifests(did);
  for await (const { key, value } of kv.list<ManifestRow>({ prefix })) {
    const [repo, digest] = [String(key.at(-2)), key.at(-1) as Digest];
    const { holdDid, createdAt, rkey, mediaType } = value;
    const manifest = await stored(values, digest, mediaType);
    if (manifest) yield { repo, digest, manifest, holdDid, createdAt, rkey };
  }
}

/** A manifest that is kept here; undefined when it is not, or not whole. */
async function stored(
  values: LargeValues,
  digest: Digest,
  mediaType: string,
): Promise<ParsedManifest | undefined> {
  const bytes = await values.get(registryKeys.content(digest));
  if (!bytes) return undefined;
  const { algorithm } = digestParts(digest);
  if (digestOf(bytes, algorithm) !== digest) return undefined;
  try {
    return await readManifestAside(new Uint8Array(bytes), mediaType);
  } catch (error) {
    if (isAppError(error)) return undefined;
    throw error;
  }
}

async function* tagsOf(kv: Kv, did: Did): AsyncGenerator<KeptTag> {
  const removals = await new Removals(kv, UNFOLLOWED).readAll(did);
  const prefix = registryKeys.ownerTags(did);
  for await (const { key, value } of kv.list<StoredTagRow>({ prefix })) {
    const [repo, tag] = [String(key.at(-2)), String(key.at(-1))];
    const pending = removals.get(repo);
    if (isHeard(value) || pending && isRemoved(value, pending)) continue;
    const { digest, rkey, updatedAt } = value;
    yield { repo, tag, digest, rkey, at: updatedAt };
  }
}

async function* recordsOf(
  { identities, pds }: IndexSourcesDeps,
  did: Did,
  collection: string,
): AsyncGenerator<ListedRecord> {
  const { pds: origin } = await identities.resolve(did);
  if (origin === undefined) {
    throw new AppError("UPSTREAM_FAILED", `${did} names no PDS.`);
  }
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = await pds.listRecords(origin, did, collection, {
      limit: 100,
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const { uri, value } of answer.records) {
      yield { rkey: uri.slice(uri.lastIndexOf("/") + 1), value };
    }
    ({ cursor } = answer);
    if (cursor === undefined) return;
  }
  throw new AppError(
    "UPSTREAM_FAILED",
    `${did} has more than ${MAX_PAGES * 100} records of ${collection}.`,
  );
}
