/**
 * Which manifests there are with blobs here: by the repos of everybody who may
 * push, which are the truth. A notification may be late, refused for a quota
 * or lost; an image must not lose its layers by that.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import { manifestUri } from "../../atproto/records/records.ts";
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import type { Digest } from "../../oci/digest.ts";
import type { HoldAccess } from "../access.ts";
import type { HoldCrew } from "../crew.ts";
import type { LayerIndex, ManifestRow } from "../layers/layer_index.ts";
import type { LayerRecords } from "../layers/layer_records.ts";
import { blobsOf, type PushNotice } from "../pushes/notice.ts";

/** A manifest record in its owner's repo. */
export interface OwnedManifest {
  readonly digest: Digest;
  /** The hold that has its blobs; undefined when the record does not tell. */
  readonly holdDid: Did | undefined;
  /** What it refers to. Throws AppError when that cannot be had now. */
  contents(): Promise<PushNotice>;
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

/** What {@linkcode ManifestCensus} needs. */
export interface ManifestCensusDeps {
  did: Did;
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
  /** Blobs of manifests that nobody told of; recorded unless it was a preview. */
  readonly untold: ReadonlySet<Digest>;
  /** Who may push and whose repo could not be read: what they need is not known. */
  readonly unread: readonly Did[];
}

/** Owners asked at once. */
const PARALLEL = 4;

/** Takes the census. */
export class ManifestCensus {
  readonly #deps: ManifestCensusDeps;

  constructor(deps: ManifestCensusDeps) {
    this.#deps = deps;
  }

  /** Reads the repos of all who pushed or may push; a `dry` one changes nothing. */
  async take(dry: boolean, signal?: AbortSignal): Promise<Census> {
    const released: string[] = [];
    const untold = new Set<Digest>();
    const unread: Did[] = [];
    const owners = (await this.#owners()).entries();
    await Promise.all(Array.from({ length: PARALLEL }, async () => {
      for (const [owner, mayPush] of owners) {
        signal?.throwIfAborted();
        try {
          const seen = await this.#living(owner, dry, untold, signal);
          released.push(...await this.#gone(owner, seen, dry));
        } catch (error) {
          signal?.throwIfAborted();
          this.#deps.log.warn("manifests not read", { did: owner, error });
          if (mayPush) unread.push(owner);
        }
      }
    }));
    return { released, untold, unread };
  }

  /**
   * Everybody with a manifest here, captain and crew; and whether they may
   * push. Of others the hold has been told what it ever will be.
   */
  async #owners(): Promise<Map<Did, boolean>> {
    const { access, crew, layers } = this.#deps;
    const owners = new Map<Did, boolean>();
    for await (const owner of layers.owners()) owners.set(owner, false);
    const captain = await access.captain();
    if (captain) owners.set(captain.owner, true);
    for await (const { member } of crew.list()) {
      if ((await access.write(member)).allowed) owners.set(member, true);
    }
    return owners;
  }

  /** Notes what is there; AT-URIs of all manifests of the owner. */
  async #living(
    owner: Did,
    dry: boolean,
    untold: Set<Digest>,
    signal: AbortSignal | undefined,
  ): Promise<ReadonlySet<string>> {
    const { did, source, layers, layerRecords } = this.#deps;
    const seen = new Set<string>();
    for await (const manifest of source.manifestsOf(owner, signal)) {
      const uri = manifestUri(owner, manifest.digest);
      seen.add(uri);
      const row = await layers.manifest(uri);
      if (row) {
        const blobs = blobsOf(await manifest.contents());
        if (!dry) await layers.keep(uri, row, blobs);
      } else if (manifest.holdDid === undefined || manifest.holdDid === did) {
        const notice = await manifest.contents();
        for (const digest of blobsOf(notice)) untold.add(digest);
        if (!dry) await layerRecords.adopt(notice);
      }
    }
    return seen;
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
      if (seen.has(uri) || !uri.includes("/io.atcr.manifest/")) continue;
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
