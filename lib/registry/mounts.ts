/**
 * Cross-repository blob mounts.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type {
  Caller,
  HoldClient,
  HoldDirectory,
} from "../hold_api/hold_client.ts";
import type { Digest } from "../oci/digest.ts";
import type { BlobIndex } from "./blob_index.ts";
import { requireWrite } from "./holds.ts";
import type { RepoRef } from "./manifests/manifest_index.ts";

export interface MountsDeps {
  holds: HoldDirectory;
  blobs: BlobIndex;
}

/** Source of a mount, and the account with which the caller reads there. */
export interface MountSource extends RepoRef {
  readonly reader: Caller;
}

/** Possible sources of a mount. */
export interface MountSources {
  readonly repositories: readonly MountSource[];
  /** Whether any blob in the hold may be used, if the hold is public. */
  readonly orPublic: boolean;
}

/** Mounts blobs from one repository into another (distribution-spec, "Mounting a blob from another repository"). */
export class Mounts {
  readonly #deps: MountsDeps;

  constructor(deps: MountsDeps) {
    this.#deps = deps;
  }

  /**
   * Makes a blob that the caller can already read part of `ref` without an
   * upload (end-11). Returns false when that is not possible, without a reason.
   */
  async mount(
    ref: RepoRef,
    caller: Did,
    holdDid: Did,
    digest: Digest,
    from: MountSources,
  ): Promise<boolean> {
    const { holds, blobs } = this.#deps;
    const hold = await holds.get(holdDid);
    await requireWrite(hold, caller);
    const source = await this.#sourceOf(hold, digest, from);
    if (!source) return false;
    const [size] = await hold.statMany(source.reader, [digest]);
    if (size === undefined || !await hold.check(source.reader, digest)) {
      return false;
    }
    // First, because nothing repeats it after a crash.
    await hold.mayNeed(ref.did, [digest]);
    await blobs.prove(ref, holdDid, [{ digest, size }]);
    return true;
  }

  /** The account with which the caller reads the blob to mount; undefined if it may not be read. */
  async #sourceOf(
    hold: HoldClient,
    digest: Digest,
    { repositories, orPublic }: MountSources,
  ): Promise<{ reader: Caller } | undefined> {
    for (const source of repositories) {
      // A blob in another hold must be uploaded: this hold does not have it.
      const [there] = await this.#deps.blobs.inHold(source, hold.did, [digest]);
      if (there && (await hold.mayRead(source.reader)).allowed) return source;
    }
    const isOpen = orPublic && (await hold.mayRead(undefined)).allowed;
    return isOpen ? { reader: undefined } : undefined;
  }
}
