/**
 * `io.atcr.hold.getLayersForManifest`.
 *
 * @module
 */

import type { LayerRecords } from "../../../lib/hold/layers/layer_records.ts";
import { method } from "../mount.ts";

/** Returns the layer records of a manifest. */
export function getLayersForManifest(deps: { layerRecords: LayerRecords }) {
  return method("io.atcr.hold.getLayersForManifest", {
    async handle({ params: { manifest } }) {
      const layers = await deps.layerRecords.ofManifest(manifest);
      return { layers: layers.map(({ value }) => value) };
    },
  });
}
