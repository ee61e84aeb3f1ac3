/**
 * Which manifests there are with blobs here: by the repos of everybody who may
 * push, which are the truth. A notification may be late, refused for a quota
 * or lost; an image must not lose its layers by that.
 *
 * @module
 */

import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import type { Did } from "../../did.ts";
import { manifestUri } from "../../atproto/records/records.ts";
import type { Clock } from "../../clock.ts";
import type { PushEvent } from "../../hold_api/push_event.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Logger } from "../../log.ts";
import type { Digest } from "../../oci/digest.ts";
import type { HoldAccess } from "../access.ts";
import type { HoldCrew } from "../crew.ts";
import { holdKeys } from "../kv_keys.ts";
import type { LayerIndex, ManifestRow } from "../layers/layer_index.ts";
import type { LayerRecords } from "../layers/layer_records.ts";
import {
  blobsOf,
  countedBlobs,
  namedElsewhere,
} from "../pushes/push_content.ts";

/** A manifest record in its owner's repo. */
export interface OwnedManifest {
  readonly digest: Digest;
  /** The hold that has its blobs; undefined when the record does not tell. */
  readonly holdDid: Did | undefined;
  /** What it refers to. Throws AppError when that cannot be had now. */
  contents(signal?: AbortSignal): Promise<PushEvent>;
  /**
   * Every digest that its bytes name, in whatever field; undefined when the
   * repo does not have them. Throws AppError when that is not known for certain.
   */
  named(signal?: AbortSignal): Promise<Iterable<Digest> | undefined>;
}

/** The repos of owners. */
export interface ManifestSource {
  /**
   * All manifest records of `owner`; none when the repo is known to be gone.
   * Throws AppError, also midway, when that is not known for certain.
   */
  manifestsOf(
    owner: Did,
    signal?: AbortSignal,
  ): AsyncIterable<OwnedManifest>;
}

export interface ManifestCensusDeps {
  did: Did;
  kv: Kv;
  source: ManifestSource;
  access: HoldAccess;
  crew: HoldCrew;
  layers: LayerIndex;
  layerRecords: LayerRecords;
  clock: Clock;
  log: Logger;
  /** A manifest is gone when that was seen for so long, in milliseconds. */
  graceMs: number;
}

/** What a census found. */
export interface Census {
  /** AT-URIs of manifests that were released: their owners deleted them. */
  readonly released: readonly string[];
  /** Blobs that a preview would have recorded as needed. */
  readonly untold: ReadonlySet<Digest>;
  /** Who may push and whose repo could not be read: what they need is not known. */
  readonly unread: ReadonlySet<Did>;
}

/** How reading the repo of an owner went the last time. */
interface OwnerRead {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly ok: boolean;
}

/** An owner to ask. */
interface Owner {
  readonly did: Did;
  readonly mayPush: boolean;
  readonly last: OwnerRead | undefined;
}

/** What reading one owner has achieved. */
interface Progress {
  /** Manifests whose bytes were read for the first time; they are remembered. */
  firstRead: number;
}

/** Owners asked at once. */
const PARALLEL = 8;

const MINUTE_MS = 60_000;

/** Time for one owner: long enough for 100,000 manifests at a PDS that is well. */
const OWNER_MS = 10 * MINUTE_MS;

/** The same for an owner who could not be read the last time. */
const RETRY_MS = MINUTE_MS / 2;

/** Time for all owners, and for all of those who could not be read the last time. */
const ALL_MS = 3 * 60 * MINUTE_MS;
const ALL_RETRIES_MS = 10 * MINUTE_MS;

/** How long the last reading is remembered, in milliseconds. */
const REMEMBER_MS = 90 * 24 * 60 * MINUTE_MS;

/** Takes the census. */
export class ManifestCensus {
  readonly #deps: ManifestCensusDeps;

  constructor(deps: ManifestCensusDeps) {
    this.#deps = deps;
  }

  /** Reads the repos of all who pushed or may push; a `dry` one changes nothing. */
  async take(dry: boolean, signal?: AbortSignal): Promise<Census> {
    const found = {
      released: [] as string[],
      untold: new Set<Digest>(),
      unread: new Set<Did>(),
    };
    const owners = await this.#owners();
    const isWell = ({ last }: Owner) => last?.ok ?? true;
    const well = owners.filter(isWell);
    const failing = owners.filter((owner) => !isWell(owner));
    // Nobody holds up the others for long: neither one whose PDS hangs, nor many.
    const limits = { ownerMs: OWNER_MS, allMs: ALL_MS };
    const retries = { ownerMs: RETRY_MS, allMs: ALL_RETRIES_MS };
    await this.#askAll(well, limits, found, dry, signal);
    await this.#askAll(failing, retries, found, dry, signal);
    return found;
  }

  /** Asks `owners`, those first whose turn was longest ago; who is not reached in time is unread. */
  async #askAll(
    owners: readonly Owner[],
    { ownerMs, allMs }: { ownerMs: number; allMs: number },
    found: { released: string[]; untold: Set<Digest>; unread: Set<Did> },
    dry: boolean,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { log, clock, kv } = this.#deps;
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
        const both = signal ? AbortSignal.any([signal, limit]) : limit;
        const progress: Progress = { firstRead: 0 };
        let ok = true;
        try {
          const { untold } = found;
          const seen = await this.#living(did, dry, untold, progress, both);
          found.released.push(...await this.#gone(did, seen, dry));
        } catch (error) {
          signal?.throwIfAborted();
          log.warn("manifests not read", { did, error });
          if (mayPush) found.unread.add(did);
          // One with too many manifests for one run goes on in the next.
          ok = limit.aborted && progress.firstRead > 0;
        }
        if (dry) continue;
        const last: OwnerRead = { at: clock.now(), ok };
        await kv.set(holdKeys.ownerRead(did), last, {
          expiresAt: last.at + REMEMBER_MS,
        });
      }
    }));
  }

  /**
   * Everybody with a manifest here, captain and crew; and whether they may
   * push. Of others the hold has been told what it ever will be.
   */
  async #owners(): Promise<Owner[]> {
    const { access, crew, layers } = this.#deps;
    const owners = new Map<Did, boolean>();
    for await (const owner of layers.owners()) owners.set(owner, false);
    const captain = await access.captain();
    if (captain) owners.set(captain.owner, true);
    for await (const { member } of crew.list()) {
      if ((await access.write(member)).allowed) owners.set(member, true);
    }
    const dids = [...owners.keys()];
    const reads = await this.#deps.kv.getMany<OwnerRead>(
      dids.map((did) => holdKeys.ownerRead(did)),
    );
    return dids.map((did, i) => ({
      did,
      mayPush: owners.get(did) ?? false,
      last: reads[i]?.value,
    }));
  }

  /** Notes what is there; AT-URIs of all manifests of the owner. */
  async #living(
    owner: Did,
    dry: boolean,
    untold: Set<Digest>,
    progress: Progress,
    signal: AbortSignal | undefined,
  ): Promise<ReadonlySet<string>> {
    const { did, source, layers, layerRecords } = this.#deps;
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
        await this.#others(manifest, event, progress, signal);
      if (!dry) await layerRecords.adopt(event, others, row);
      else for (const digest of allOf(event, others)) untold.add(digest);
    }
    return seen;
  }

  /** What the manifest names outside of the fields that its record has. */
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

  /** Releases what is not there any more, once that was seen for long enough. */
  async #gone(
    owner: Did,
    seen: ReadonlySet<string>,
    dry: boolean,
  ): Promise<string[]> {
    const { layers, layerRecords } = this.#deps;
    const released: string[] = [];
    for await (const { uri, row } of layers.manifests(owner)) {
      // A notification without digest stands under its tag, which tells nothing here.
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

/** Everything that may be a blob that the manifest needs. */
function allOf(
  event: PushEvent,
  others: readonly Digest[] | undefined,
): Digest[] {
  const counted = countedBlobs(event).map(({ digest }) => digest);
  return [...blobsOf(event), ...counted, ...others ?? []];
}
