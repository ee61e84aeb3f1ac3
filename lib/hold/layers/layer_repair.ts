/**
 * Repairs the index over the layer records.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { LayerIndex } from "./layer_index.ts";
import type { LayerEntry } from "./layer_rows.ts";
import { COLLECTIONS, type HoldRecords, layerSchema } from "../records.ts";

export interface RepairDeps {
  records: HoldRecords;
  layers: LayerIndex;
  clock: Clock;
}

/** Entries looked up or added at once. */
const BATCH = 100;

/**
 * Adds records missing in the index (after a restore or a crash) and removes
 * entries without a record (deleted by an admin). Reads every layer record.
 */
export async function repairLayerIndex(
  deps: RepairDeps,
  signal?: AbortSignal,
): Promise<void> {
  const { records, layers, clock } = deps;
  const known = new Set<string>();
  let missing: LayerEntry[] = [];
  for await (const { rkey, value } of records.allRecords(COLLECTIONS.layer)) {
    signal?.throwIfAborted();
    const layer = layerSchema.safeParse(value);
    if (!layer.success) continue;
    const { digest, size, manifest, userDid } = layer.data;
    const entry = { rkey, digest, size, manifest, userDid };
    if (!await layers.has(entry)) missing.push(entry);
    if (missing.length === BATCH) {
      await add(missing);
      missing = [];
    }
  }
  await add(missing);
  for await (const { uri } of layers.manifests()) {
    signal?.throwIfAborted();
    const lost: LayerEntry[] = [];
    for (const entry of await layers.ofManifest(uri)) {
      const { rkey } = entry;
      if (!await records.getRecord(COLLECTIONS.layer, rkey)) lost.push(entry);
    }
    if (lost.length > 0) await layers.remove(lost);
  }

  async function add(entries: readonly LayerEntry[]): Promise<void> {
    await layers.add(entries);
    for (const { manifest, userDid } of entries) {
      if (known.has(manifest)) continue;
      known.add(manifest);
      if (await layers.manifest(manifest)) continue;
      await layers.putManifest(manifest, {
        userDid,
        extra: [],
        pushedAt: clock.now(),
        goneSince: undefined,
      });
    }
  }
}
