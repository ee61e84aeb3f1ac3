/**
 * Deletes one manifest with its tags, as a request or a rule of the owner wants
 * it.
 *
 * @module
 */

import type { PdsSession } from "../../atproto/pds/pds.ts";
import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import type { HoldDirectory } from "../../hold_api/hold_client.ts";
import type { Logger } from "../../log.ts";
import type { Digest } from "../../oci/digest.ts";
import type { OwnerRecords } from "../owners/owner_records.ts";
import type { ManifestIndex, RepoRef } from "./manifest_index.ts";
import type { ManifestRemoval } from "./manifest_removal.ts";
import type { ManifestUses } from "./manifest_uses.ts";

export interface ManifestDeletionDeps {
  log: Logger;
  holds: HoldDirectory;
  index: ManifestIndex;
  records: OwnerRecords;
  removal: ManifestRemoval;
  uses: Pick<ManifestUses, "requireNoTaggedIndex">;
}

/** Deletes manifests. */
export class ManifestDeletion {
  readonly #deps: ManifestDeletionDeps;

  constructor(deps: ManifestDeletionDeps) {
    this.#deps = deps;
  }

  /**
   * Deletes a manifest with all its tags. Call it while holding its lease,
   * which `lost` aborts. Throws AppError `MANIFEST_UNKNOWN`, `UNSUPPORTED` when
   * a tagged index needs it, and `UNAVAILABLE` when the PDS does not respond;
   * nothing changes then.
   */
  async delete(
    ref: RepoRef,
    session: PdsSession,
    digest: Digest,
    lost: AbortSignal,
    signal?: AbortSignal,
  ): Promise<void> {
    const { index, records, removal, uses } = this.#deps;
    const manifest = await index.manifest(ref, digest);
    if (!manifest) {
      throw new AppError(
        "MANIFEST_UNKNOWN",
        `The repository has no manifest ${digest}.`,
      );
    }
    await uses.requireNoTaggedIndex(ref, digest);
    const [heir] = await index.otherRepositories(ref, digest);
    // Refuse while the PDS does not respond, before anything is deleted.
    await records.requireReachable(session, digest, signal);
    lost.throwIfAborted();
    await removal.remove(session, ref, digest, manifest, lost);
    if (heir === undefined) {
      await this.#tellHold(manifest.holdDid, ref, digest);
    }
  }

  /** Never throws: the hold's garbage collection detects the deletion, too. */
  async #tellHold(holdDid: Did, ref: RepoRef, digest: Digest): Promise<void> {
    try {
      const hold = await this.#deps.holds.get(holdDid);
      await hold.manifestDeleted(ref.did, digest);
    } catch (error) {
      this.#deps.log.warn("hold not notified of a delete", {
        holdDid,
        digest,
        error,
      });
    }
  }
}
