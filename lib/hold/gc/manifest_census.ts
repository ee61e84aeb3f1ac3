/**
 * Lists all manifests with blobs in this hold from the repos of all accounts
 * that may have some, which are authoritative. A push event may be late, refused
 * for a quota or lost; an image must not lose its layers because of that.
 *
 * @module
 */

import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import type { Did } from "../../did.ts";
import { manifestUri } from "../../atproto/records/records.ts";
import type { Clock } from "../../clock.ts";
import type { PushEvent } from "../../hold_api/push_event.ts";
import type { Logger } from "../../log.ts";
import type { BlobUploaders } from "../blobs/uploaders.ts";
import type { Digest } from "../../oci/digest.ts";
import { type LayerIndex } from "../layers/layer_index.ts";
import { type ManifestRow } from "../layers/layer_rows.ts";
import type { ManifestAdoption } from "../layers/adoption.ts";
import type { LayerRecords } from "../layers/layer_records.ts";
import type { ManifestOwner, ManifestOwners } from "./manifest_owners.ts";
import {
  blobsOf,
  countedBlobs,
  namedElsewhere,
} from "../pushes/push_content.ts";

/** A manifest record in its owner's repo. */
export interface OwnedManifest {
  readonly digest: Digest;
  /** The hold with its blobs; undefined when the record does not name it. */
  readonly holdDid: Did | undefined;
  /**
   * Reads its references; undefined when its record does not list them and its
   * bytes are not in the repo. Throws AppError when that is uncertain.
   */
  contents(signal?: AbortSignal): Promise<PushEvent | undefined>;
  /**
   * Returns every digest in its bytes, in any field; undefined when they are
   * not in the repo. Throws AppError when that is uncertain.
   */
  named(signal?: AbortSignal): Promise<Iterable<Digest> | undefined>;
}

/** The repos of owners. */
export interface ManifestSource {
  /**
   * All manifest records of `owner`; none when the repo is known to be deleted.
   * Throws AppError, possibly midway, when that is uncertain.
   */
  manifestsOf(
    owner: Did,
    signal?: AbortSignal,
  ): AsyncIterable<OwnedManifest>;
}

export interface ManifestCensusDeps {
  did: Did;
  source: ManifestSource;
  owners: ManifestOwners;
  uploaders: Pick<BlobUploaders, "settle">;
  layers: LayerIndex;
  layerRecords: LayerRecords;
  adoption: Pick<ManifestAdoption, "adopt">;
  clock: Clock;
  log: Logger;
  /** How long a manifest must be missing before it counts as deleted, in milliseconds. */
  graceMs: number;
}

/** Result of a census. */
export interface Census {
  /** AT-URIs of manifests that were released: their owners deleted them. */
  readonly released: readonly string[];
  /**
   * Blobs needed by manifests that are not recorded: because it is a preview,
   * or because the quota of the owner refuses them.
   */
  readonly unrecorded: ReadonlySet<Digest>;
  /**
   * Accounts whose references are not all known: those that may push and whose
   * repo could not be read, and those with a manifest whose bytes are missing.
   */
  readonly unread: ReadonlySet<Did>;
}

/** Progress of reading one owner. */
interface Progress {
  /** Manifests whose bytes were read for the first time; the result is stored. */
  firstRead: number;
  /** Manifests whose references are not known. */
  unknown: number;
}

/** Owners read concurrently. */
const PARALLEL = 8;

const MINUTE_MS = 60_000;

/** Time limit for one owner: enough for 100,000 manifests at a healthy PDS. */
const OWNER_MS = 10 * MINUTE_MS;

/** The same for an owner that could not be read last time. */
const RETRY_MS = MINUTE_MS / 2;

/** Time limit for all owners, and for all that could not be read last time. */
const ALL_MS = 3 * 60 * MINUTE_MS;
const ALL_RETRIES_MS = 10 * MINUTE_MS;

/** Takes the census. */
export class ManifestCensus {
  readonly #deps: ManifestCensusDeps;

  constructor(deps: ManifestCensusDeps) {
    this.#deps = deps;
  }

  /** Reads the repos of all accounts that pushed or may push; with `dry` it changes nothing. */
  async take(dry: boolean, signal?: AbortSignal): Promise<Census> {
    const found = {
      released: [] as string[],
      unrecorded: new Set<Digest>(),
      unread: new Set<Did>(),
    };
    const owners = await this.#deps.owners.all();
    const isWell = ({ last }: ManifestOwner) => last?.ok ?? true;
    const well = owners.filter(isWell);
    const failing = owners.filter((owner) => !isWell(owner));
    // No owners with a hanging PDS, neither one nor many, delay the others for long.
    const limits = { ownerMs: OWNER_MS, allMs: ALL_MS };
    const retries = { ownerMs: RETRY_MS, allMs: ALL_RETRIES_MS };
    await this.#readAll(well, limits, found, dry, signal);
    await this.#readAll(failing, retries, found, dry, signal);
    return found;
  }

  /** Reads `owners`, least recently read first; those not reached in time are unread. */
  async #readAll(
    owners: readonly ManifestOwner[],
    { ownerMs, allMs }: { ownerMs: number; allMs: number },
    found: { released: string[]; unrecorded: Set<Digest>; unread: Set<Did> },
    dry: boolean,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const end = performance.now() + allMs;
    const turns = owners.toSorted((a, b) =>
      (a.last?.at ?? 0) - (b.last?.at ?? 0)
    )
      .values();
    await Promise.all(Array.from({ length: PARALLEL }, async () => {
      for (const { did, mayPush } of turns) {
        signal?.throwIfAborted();
        if (performance.now() > end) {
          if (mayPush) found.unread.add(did);
          continue;
        }
        const limit = AbortSignal.timeout(ownerMs);
        await this.#readOne({ did, mayPush }, limit, found, dry, signal);
      }
    }));
  }

  /** Reads one owner, until `limit` is aborted. */
  async #readOne(
    { did, mayPush }: Pick<ManifestOwner, "did" | "mayPush">,
    limit: AbortSignal,
    found: { released: string[]; unrecorded: Set<Digest>; unread: Set<Did> },
    dry: boolean,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { log, clock, uploaders, graceMs } = this.#deps;
    const both = signal ? AbortSignal.any([signal, limit]) : limit;
    const since = clock.now();
    const progress: Progress = { firstRead: 0, unknown: 0 };
    const unrecorded = new Set<Digest>();
    let ok = true;
    let isWhole = false;
    try {
      const seen = await this.#living(did, dry, unrecorded, progress, both);
      found.released.push(...await this.#gone(did, seen, dry));
      const { unknown } = progress;
      isWhole = unknown === 0;
      if (!isWhole) {
        log.warn("manifests without bytes", { did, manifests: unknown });
        found.unread.add(did);
      }
    } catch (error) {
      signal?.throwIfAborted();
      log.warn("manifests not read", { did, error });
      if (mayPush) found.unread.add(did);
      // An owner with too many manifests for one run continues in the next.
      ok = limit.aborted && progress.firstRead > 0;
    }
    for (const digest of unrecorded) found.unrecorded.add(digest);
    if (dry) return;
    const read = isWhole ? { since, unrecorded, graceMs } : undefined;
    await uploaders.settle(did, read).catch((error) =>
      log.warn("blobs that an account may need not settled", { did, error })
    );
    await this.#deps.owners.remember(did, { at: clock.now(), ok });
  }

  /** Records the owner's manifests; returns their AT-URIs. */
  async #living(
    owner: Did,
    dry: boolean,
    unrecorded: Set<Digest>,
    progress: Progress,
    signal: AbortSignal | undefined,
  ): Promise<ReadonlySet<string>> {
    const { did, source, layers, adoption } = this.#deps;
    const seen = new Set<string>();
    for await (const manifest of source.manifestsOf(owner, signal)) {
      signal?.throwIfAborted();
      const uri = manifestUri(owner, manifest.digest);
      seen.add(uri);
      const row = await layers.manifest(uri);
      const isOurs = manifest.holdDid === undefined || manifest.holdDid === did;
      if (!row && !isOurs) continue;
      const event = await manifest.contents(signal);
      const others = row?.others ??
        (event && await this.#others(manifest, event, progress, signal));
      if (!others) progress.unknown++;
      if (!event) continue;
      const needed = dry
        ? allOf(event, others)
        : await adoption.adopt(event, others, row);
      for (const digest of needed) unrecorded.add(digest);
    }
    return seen;
  }

  /** Digests that the manifest names outside of the fields in its record. */
  async #others(
    manifest: OwnedManifest,
    event: PushEvent,
    progress: Progress,
    signal: AbortSignal | undefined,
  ): Promise<readonly Digest[] | undefined> {
    const named = await manifest.named(signal);
    if (named) progress.firstRead++;
    return named && namedElsewhere(event, named);
  }

  /** Releases manifests that have been missing for long enough. */
  async #gone(
    owner: Did,
    seen: ReadonlySet<string>,
    dry: boolean,
  ): Promise<string[]> {
    const { layers, layerRecords } = this.#deps;
    const released: string[] = [];
    for await (const { uri, row } of layers.manifests(owner)) {
      // A push event without digest is stored under its tag, which cannot be matched here.
      if (seen.has(uri) || !uri.includes(`/${OWNER_COLLECTIONS.manifest}/`)) {
        continue;
      }
      if (!await this.#isOver(uri, row, dry)) continue;
      if (!dry) await layerRecords.removeManifest(uri);
      released.push(uri);
    }
    return released;
  }

  async #isOver(uri: string, row: ManifestRow, dry: boolean): Promise<boolean> {
    const { clock, graceMs, layers } = this.#deps;
    const now = clock.now();
    if (now - row.pushedAt < graceMs) return false;
    if (row.goneSince !== undefined) return now - row.goneSince >= graceMs;
    if (!dry) await layers.putManifest(uri, { ...row, goneSince: now });
    return false;
  }
}

/** All digests that may be blobs of the manifest. */
function allOf(
  event: PushEvent,
  others: readonly Digest[] | undefined,
): Digest[] {
  const counted = countedBlobs(event).map(({ digest }) => digest);
  return [...blobsOf(event), ...counted, ...others ?? []];
}
