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
import type { WriteLeases } from "../write_leases.ts";

export interface ManifestDeletionDeps {
  log: Logger;
  holds: HoldDirectory;
  index: ManifestIndex;
  records: OwnerRecords;
  removal: ManifestRemoval;
  uses: Pick<ManifestUses, "requireNoTaggedIndex">;
  leases: Pick<WriteLeases, "deleting">;
}

/** How a manifest is deleted. */
export interface DeletionOptions {
  /** Aborted when the lease of the manifest is lost. */
  readonly lost: AbortSignal;
  readonly signal?: AbortSignal | undefined;
  /** A further reason to keep it, asked while nothing can be pushed. */
  readonly isNeeded?: () => Promise<boolean>;
}

/** Deletes manifests. */
export class ManifestDeletion {
  readonly #deps: ManifestDeletionDeps;

  constructor(deps: ManifestDeletionDeps) {
    this.#deps = deps;
  }

  /**
   * Deletes a manifest with all its tags. Call it while holding its lease.
   * Throws AppError `MANIFEST_UNKNOWN`, `UNSUPPORTED` when a tagged index needs
   * it, also one whose push began before, and `UNAVAILABLE` when the PDS does
   * not respond; nothing changes then.
   */
  async delete(
    ref: RepoRef,
    session: PdsSession,
    digest: Digest,
    { lost, signal, isNeeded }: DeletionOptions,
  ): Promise<void> {
    const { index, records, removal, uses, leases } = this.#deps;
    const manifest = await index.manifest(ref, digest);
    if (!manifest) {
      throw new AppError(
        "MANIFEST_UNKNOWN",
        `The repository has no manifest ${digest}.`,
      );
    }
    const checked = await uses.requireNoTaggedIndex(ref, digest);
    const [heir] = await index.otherRepositories(ref, digest);
    // Refuse while the PDS does not respond, before anything is deleted.
    await records.requireReachable(session, digest, signal);
    lost.throwIfAborted();
    const begun = await leases.deleting(ref, signal, async (ending) => {
      await uses.requireNoTaggedIndex(ref, digest, checked);
      if (await isNeeded?.()) {
        throw new AppError(
          "UNSUPPORTED",
          `The manifest ${digest} is needed by another one that was pushed meanwhile.`,
        );
      }
      lost.throwIfAborted();
      return await removal.begin(ref, digest, manifest, ending);
    });
    await removal.finish(begun, session, lost);
    if (heir === undefined) {
      await this.#notifyHold(manifest.holdDid, ref, digest);
    }
  }

  /** Never throws: the hold's garbage collection detects the deletion, too. */
  async #notifyHold(holdDid: Did, ref: RepoRef, digest: Digest): Promise<void> {
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
