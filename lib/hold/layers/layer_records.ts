/**
 * `io.atcr.hold.layer`: one record for every blob that a manifest needs.
 *
 * @module
 */

import { z } from "zod";
import { MAX_WRITES } from "../../atproto/pds/pds.ts";
import type { Did } from "../../did.ts";
import { manifestUri } from "../../atproto/records/records.ts";
import type { Clock } from "../../clock.ts";
import type { PushEvent } from "../../hold_api/push_event.ts";
import type { Digest } from "../../oci/digest.ts";
import type { BlobRows } from "../blobs/blob_rows.ts";
import { type LayerIndex } from "./layer_index.ts";
import { type LayerEntry, MAX_EXTRA } from "./layer_rows.ts";
import { repairLayerIndex } from "./layer_repair.ts";
import {
  configOf,
  countedBlobs,
  type NamedBlob,
  unnamedBlob,
} from "../pushes/push_content.ts";
import {
  COLLECTIONS,
  type HoldCommit,
  type HoldRecord,
  type HoldRecords,
  type HoldWrite,
  layerSchema,
  rkeyOf,
} from "../records.ts";

export interface LayerRecordsDeps {
  records: HoldRecords;
  rows: BlobRows;
  layers: LayerIndex;
  clock: Clock;
  /** Whether layers get records; otherwise the row of the manifest names them. */
  enabled: boolean;
}

/** A layer in this hold, with its size. */
export interface PresentLayer {
  readonly digest: Digest;
  readonly size: number;
  readonly mediaType: string;
}

/** Maximum characters of a media type in a record. */
const MAX_MEDIA_TYPE = 128;

/** Schema of a complete layer record. */
const layerRecordSchema = layerSchema.loose().extend({
  $type: z.literal(COLLECTIONS.layer),
});

/** A layer record with its key. */
export type LayerRecord = HoldRecord & {
  value: z.infer<typeof layerRecordSchema>;
};

/** Writes and removes layer records. */
export class LayerRecords {
  readonly #deps: LayerRecordsDeps;

  constructor(deps: LayerRecordsDeps) {
    this.#deps = deps;
  }

  /**
   * Returns the layers of a manifest, and the entries of an index that are
   * blobs, that this hold has: each once, with its actual size. A push restores
   * its blobs from quarantine.
   */
  async present(event: PushEvent): Promise<PresentLayer[]> {
    const blobs = countedBlobs(event);
    const config = configOf(event);
    const isCounted = blobs.some(({ digest }) => digest === config);
    if (config === undefined || isCounted) return await this.restored(blobs);
    // The config is looked up, too, so that it is restored, but it is not a layer.
    const present = await this.restored([...blobs, unnamedBlob(config)]);
    return present.filter(({ digest }) => digest !== config);
  }

  /** How many of the layers of a manifest are not among those that are `present`. */
  missing(event: PushEvent, present: readonly PresentLayer[]): number {
    const here = new Set(present.map(({ digest }) => digest));
    const config = configOf(event);
    return countedBlobs(event).filter(({ digest }) =>
      digest !== config && !here.has(digest)
    ).length;
  }

  /** Those of `blobs` that this hold has, with their actual sizes; restores them from quarantine. */
  async restored(blobs: readonly NamedBlob[]): Promise<PresentLayer[]> {
    const { rows } = this.#deps;
    const found = await rows.findAll(blobs.map(({ digest }) => digest));
    const present: PresentLayer[] = [];
    for (const { digest, mediaType } of blobs) {
      let row = found.get(digest);
      if (row?.state === "quarantined" && await rows.restore(digest)) {
        row = await rows.find(digest);
      }
      if (row?.state !== "live") continue;
      present.push({
        digest,
        size: row.size,
        mediaType: mediaType.slice(0, MAX_MEDIA_TYPE),
      });
    }
    return present;
  }

  /**
   * Those of `layers` that get a record: all, or with records switched off
   * only those for which the row of a manifest has no room.
   */
  toRecord(layers: readonly PresentLayer[]): readonly PresentLayer[] {
    if (this.#deps.enabled) return layers;
    // One place is for the config.
    return layers.slice(MAX_EXTRA - 1);
  }

  /** The write of one record. */
  write(layer: PresentLayer, manifest: string, userDid: Did): HoldWrite {
    return {
      action: "create",
      collection: COLLECTIONS.layer,
      value: {
        ...layer,
        manifest,
        userDid,
        createdAt: new Date(this.#deps.clock.now()).toISOString(),
      },
    };
  }

  /** Adds the records of a commit to the index. */
  async index(commit: HoldCommit): Promise<void> {
    await this.#deps.layers.add(await this.created(commit));
  }

  /** The layer records that a commit created. */
  async created({ results }: HoldCommit): Promise<LayerEntry[]> {
    const { records } = this.#deps;
    const entries: LayerEntry[] = [];
    for (const { action, uri } of results) {
      if (action !== "create") continue;
      if (!uri.includes(`/${COLLECTIONS.layer}/`)) continue;
      // Read back: after a crash the commit may be that of an earlier attempt.
      const rkey = rkeyOf(uri);
      const record = await records.getRecord(COLLECTIONS.layer, rkey);
      const layer = layerSchema.safeParse(record?.value);
      if (layer.success) entries.push({ ...layer.data, rkey });
    }
    return entries;
  }

  /** The records of a manifest, by its AT-URI (`io.atcr.hold.getLayersForManifest`). */
  async ofManifest(uri: string): Promise<LayerRecord[]> {
    const { records, layers } = this.#deps;
    const found: LayerRecord[] = [];
    for (const { rkey } of await layers.ofManifest(uri)) {
      const record = await records.getRecord(COLLECTIONS.layer, rkey);
      const { success, data } = layerRecordSchema.safeParse(record?.value);
      if (record && success) found.push({ ...record, value: data });
    }
    return found;
  }

  /**
   * The blobs of a manifest that are here, with their sizes: those with
   * records, and with records switched off also the others.
   */
  async sizes(uri: string): Promise<{ digest: Digest; size: number }[]> {
    const { layers, rows, enabled } = this.#deps;
    const recorded = await layers.ofManifest(uri);
    if (enabled) return recorded;
    const extra = (await layers.manifest(uri))?.extra ?? [];
    const found = await rows.findAll(extra);
    const others = extra.flatMap((digest) => {
      const size = found.get(digest)?.size;
      return size === undefined ? [] : [{ digest, size }];
    });
    return [...recorded, ...others];
  }

  /** Removes records, many per commit. */
  async remove(entries: readonly LayerEntry[]): Promise<void> {
    const { records, layers } = this.#deps;
    for (let i = 0; i < entries.length; i += MAX_WRITES) {
      const batch = entries.slice(i, i + MAX_WRITES);
      await records.apply(batch.map(({ rkey }) => ({
        action: "delete",
        collection: COLLECTIONS.layer,
        rkey,
      })));
      await layers.remove(batch);
    }
  }

  /** Repairs the index after others wrote records. */
  repair(): Promise<void> {
    return repairLayerIndex(this.#deps);
  }

  /**
   * Removes a manifest that its owner deleted, so that it no longer counts;
   * garbage collection deletes the blobs. Returns how many records were
   * removed.
   */
  async removeManifest(uri: string): Promise<number> {
    const { layers } = this.#deps;
    const entries = await layers.ofManifest(uri);
    await this.remove(entries);
    await layers.removeManifest(uri);
    return entries.length;
  }

  /** Like {@linkcode removeManifest}, by owner and digest. */
  manifestDeleted(owner: Did, digest: Digest): Promise<number> {
    return this.removeManifest(manifestUri(owner, digest));
  }
}
