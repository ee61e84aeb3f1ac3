/**
 * Records manifests found in the repos of their owners: a push event may have
 * been late or lost, or the records may have been deleted since.
 *
 * @module
 */

import { MAX_WRITES } from "../../atproto/pds/pds.ts";
import type { Clock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import type { PushEvent } from "../../hold_api/push_event.ts";
import type { Logger } from "../../log.ts";
import type { Digest } from "../../oci/digest.ts";
import {
  configOf,
  countedBlobs,
  type NamedBlob,
  unnamedBlob,
  uriOf,
} from "../pushes/push_content.ts";
import type { HoldRecords } from "../records.ts";
import type { LayerIndex } from "./layer_index.ts";
import type { LayerRecords } from "./layer_records.ts";
import { type ManifestRow, manifestRow, MAX_EXTRA } from "./layer_rows.ts";

export interface ManifestAdoptionDeps {
  records: HoldRecords;
  layers: LayerIndex;
  layerRecords: LayerRecords;
  quota: {
    /** Returns undefined when all are charged. */
    adopt(
      user: Did,
      digests: readonly Digest[],
    ): Promise<{ error: Error; kept: readonly Digest[] } | undefined>;
  };
  clock: Clock;
  log: Logger;
}

/** Records manifests without a push. */
export class ManifestAdoption {
  readonly #deps: ManifestAdoptionDeps;

  constructor(deps: ManifestAdoptionDeps) {
    this.#deps = deps;
  }

  /**
   * Updates the records of a manifest in its owner's repo to what it
   * references: `others` are digests in fields that the event does not have,
   * undefined when unknown. It charges the blobs to the owner, and records
   * nothing when the quota refuses them. Changes nothing when everything is
   * recorded.
   *
   * Returns the blobs of a refused manifest that must be kept all the same:
   * others are charged for them.
   */
  async adopt(
    event: PushEvent,
    others: readonly Digest[] | undefined,
    before: ManifestRow | undefined,
  ): Promise<readonly Digest[]> {
    const { layers, layerRecords, clock } = this.#deps;
    const uri = uriOf(event);
    const known = new Set(
      (await layers.ofManifest(uri)).map(({ digest }) => digest),
    );
    const marked = new Set(before?.extra);
    const missing = ({ digest }: NamedBlob) =>
      !known.has(digest) && !marked.has(digest);
    const config = configOf(event);
    const configs = config === undefined ? [] : [unnamedBlob(config)];
    const counted = countedBlobs(event).filter(missing);
    const more = (others ?? []).map(unnamedBlob).filter(missing);
    const needed = [...configs.filter(missing), ...counted, ...more];
    const kept = await this.#refused(event, needed);
    if (kept) return kept;
    await layerRecords.restored(configs.filter(missing));
    const fresh = [
      ...layerRecords.toRecord(await layerRecords.restored(counted)),
      ...await layerRecords.restored(more),
    ];
    const writes = fresh.map((layer) =>
      layerRecords.write(layer, uri, event.owner)
    );
    for (let i = 0; i < writes.length; i += MAX_WRITES) {
      const batch = writes.slice(i, i + MAX_WRITES);
      await layerRecords.index(await this.#deps.records.apply(batch));
    }
    for (const { digest } of fresh) known.add(digest);
    const row = manifestRow(event, before, known, clock.now());
    const remembered = others && others.length <= MAX_EXTRA
      ? others
      : undefined;
    const isSame = before && before.goneSince === undefined &&
      before.others?.length === remembered?.length &&
      row.extra.length === before.extra.length &&
      row.extra.every((digest) => marked.has(digest));
    if (!isSame) await layers.putManifest(uri, { ...row, others: remembered });
    return [];
  }

  /** Charges `blobs`; returns those to keep when the quota refuses them. */
  async #refused(
    event: PushEvent,
    blobs: readonly NamedBlob[],
  ): Promise<readonly Digest[] | undefined> {
    const { quota, log } = this.#deps;
    if (blobs.length === 0) return undefined;
    const digests = blobs.map(({ digest }) => digest);
    const refusal = await quota.adopt(event.owner, digests);
    if (!refusal) return undefined;
    const { error, kept } = refusal;
    const uri = uriOf(event);
    log.warn("manifest beyond the quota not recorded", { uri, error });
    return kept;
  }
}
