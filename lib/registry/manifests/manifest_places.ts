/**
 * Locations of manifest records: at the key derived from the digest, or at a
 * key chosen by another service.
 *
 * @module
 */

import type { Identity } from "../../atproto/identity/identity.ts";
import { readManifest } from "../../atproto/records/records.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import { registryKeys } from "../kv_keys.ts";
import type { FoundManifest } from "./manifest_import.ts";
import type { RepoRef } from "./manifest_index.ts";
import type { OwnerNames } from "./owner_names.ts";
import type { Admit } from "../../async/admitted_flight.ts";
import type { OwnerReader } from "../owners/owner_reader.ts";
import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";

const MANIFEST = OWNER_COLLECTIONS.manifest;

export interface ManifestPlacesDeps {
  readonly kv: Kv;
  readonly reader: OwnerReader;
  readonly names: OwnerNames;
}

/** Finds the records of manifests in owners' repos. */
export class ManifestPlaces {
  readonly #deps: ManifestPlacesDeps;

  constructor(deps: ManifestPlacesDeps) {
    this.#deps = deps;
  }

  /** The manifest with the record key `rkey`. */
  async at(
    owner: Identity,
    rkey: string,
  ): Promise<FoundManifest | undefined> {
    const { reader } = this.#deps;
    const record = readManifest(await reader.record(owner, MANIFEST, rkey));
    return record && { rkey, record };
  }

  /** Finds a manifest whose record key was chosen by another service. */
  async elsewhere(
    owner: Identity,
    ref: RepoRef,
    digest: Digest,
    admit?: Admit,
  ): Promise<FoundManifest | undefined> {
    const { kv } = this.#deps;
    const key = registryKeys.manifestRecord(ref.did, ref.repo, digest);
    let place = await kv.get<string>(key);
    if (!place && await this.#deps.names.listManifests(owner, admit)) {
      place = await kv.get(key);
    }
    return place && await this.at(owner, place.value);
  }
}
