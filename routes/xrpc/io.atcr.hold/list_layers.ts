/**
 * `io.atcr.hold.listLayers`.
 *
 * @module
 */

import type { LayerQueries } from "../../../lib/hold/layers/layer_queries.ts";
import { method } from "../mount.ts";
import { didOf } from "../refusals.ts";

/** Lists layer records by account, repository and time. */
export function listLayers(deps: { layerQueries: LayerQueries }) {
  return method("io.atcr.hold.listLayers", {
    async handle({ params }) {
      const { userDid, repository, since, until, limit, cursor } = params;
      const page = await deps.layerQueries.find({
        user: userDid === undefined ? undefined : didOf(userDid),
        since: since === undefined ? undefined : Date.parse(since),
        until: until === undefined ? undefined : Date.parse(until),
        ...{ repository, limit, cursor },
      });
      return {
        layers: page.records.map(({ value }) => value),
        ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
      };
    },
  });
}
