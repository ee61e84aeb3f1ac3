/**
 * Blobs of a repository: lookup, delivery to clients, and deletion.
 *
 * @module
 */

import type { Did } from "../did.ts";
import { AppError, isAppError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Digest } from "../oci/digest.ts";
import type { ByteRange } from "../storage/blob_store.ts";
import type { Caller } from "../hold_api/hold_client.ts";
import {
  BlobFinder,
  type BlobFinderDeps,
  type FoundBlob,
  type Look,
  unknownBlob,
} from "./blob_finder.ts";
import type { RepoRef } from "./manifests/manifest_index.ts";
import type { ManifestUses } from "./manifests/manifest_uses.ts";
import type { WriteLeases } from "./write_leases.ts";

/** `redirect` redirects wherever possible, `proxy` never, `auto` all but small blobs. */
export type DeliveryMode = "auto" | "redirect" | "proxy";

export interface BlobsDeps extends BlobFinderDeps {
  log: Logger;
  delivery: DeliveryMode;
  /** In `auto` mode, blobs up to this size are proxied, in bytes. */
  directBytes: number;
  leases: Pick<WriteLeases, "deleting">;
  uses: Pick<ManifestUses, "requireBlobUnused">;
}

/** A delivery: proxied bytes, or a URL of the hold's storage. */
export type BlobDelivery =
  | { kind: "stream"; size: number; body: ReadableStream<Uint8Array> }
  | { kind: "redirect"; size: number; url: string };

/** Maximum holds at which a request opens a blob. */
const MAX_OPENED = 3;

/** Serves blobs of repositories (distribution-spec, "Pulling Blobs"). */
export class Blobs {
  readonly #deps: BlobsDeps;
  readonly #finder: BlobFinder;

  constructor(deps: BlobsDeps) {
    this.#deps = deps;
    this.#finder = new BlobFinder(deps);
  }

  /** Size of a blob in bytes. Throws AppError `BLOB_UNKNOWN`. */
  async stat(
    ref: RepoRef,
    caller: Caller,
    digest: Digest,
  ): Promise<{ size: number }> {
    const look = { how: "check", failed: new Set<Did>() } as const;
    const { size } = await this.#finder.find(ref, caller, digest, look);
    return { size };
  }

  /**
   * Opens the blob or a part of it, by the cheapest way that the delivery mode
   * allows. Throws AppError `BLOB_UNKNOWN`, and `DENIED` or `UNAUTHORIZED` when
   * the hold does not let `caller` read.
   */
  async open(
    ref: RepoRef,
    caller: Caller,
    digest: Digest,
    options: {
      range?: (size: number) => ByteRange | undefined;
      signal?: AbortSignal;
    },
  ): Promise<BlobDelivery & { range: ByteRange | undefined }> {
    const failed = new Set<Did>();
    let how: Look["how"] = "recall";
    let problem: unknown;
    while (failed.size < MAX_OPENED) {
      let found: FoundBlob;
      try {
        found = await this.#finder.find(ref, caller, digest, { how, failed });
      } catch (error) {
        throw problem ?? error;
      }
      const range = options.range?.(found.size);
      try {
        const { signal } = options;
        const delivery = await this.#deliver(found, caller, digest, {
          range,
          signal,
        });
        if (delivery) return { ...delivery, range };
        // The size in the index is wrong.
        how = "stat";
      } catch (error) {
        // The hold reported the blob but does not serve it.
        if (!isAppError(error) || options.signal?.aborted) throw error;
        problem ??= error;
        failed.add(found.hold.did);
      }
    }
    throw problem;
  }

  /** Returns undefined when the blob does not have the size in the index. */
  async #deliver(
    { hold, size, asked }: FoundBlob,
    caller: Caller,
    digest: Digest,
    { range, signal }: {
      range: ByteRange | undefined;
      signal: AbortSignal | undefined;
    },
  ): Promise<BlobDelivery | undefined> {
    if (this.#mayRedirect(size)) {
      const url = await hold.locate(caller, digest, "application/octet-stream");
      if (url !== undefined) {
        // Who is redirected finds out too late that it is not there.
        const isThere = asked ||
          (await hold.stat(caller, digest))?.size === size;
        return isThere ? { kind: "redirect", size, url } : undefined;
      }
    }
    const opened = await hold.open(caller, digest, range, signal);
    if (!opened) throw unknownBlob(digest);
    if (opened.size !== size) {
      await opened.body.cancel();
      if (!asked) return undefined;
      throw new AppError(
        "UPSTREAM_FAILED",
        `The hold ${hold.did} says that the blob ${digest} has ${size} bytes and then ${opened.size}. Report this to its operator.`,
      );
    }
    return { kind: "stream", size, body: opened.body };
  }

  /**
   * Removes a blob from the repository; the hold deletes its bytes once they
   * are unreferenced (end-10). Throws AppError `BLOB_UNKNOWN`, and
   * `UNSUPPORTED` when a manifest of the repository names the blob, also one
   * whose push began before. `signal` ends the wait for it.
   */
  async unlink(
    ref: RepoRef,
    digest: Digest,
    signal?: AbortSignal,
  ): Promise<void> {
    const { index, uses, holds, leases, log } = this.#deps;
    const first = await index.first(ref, digest);
    const [other] = first ? [first] : await index.further(ref, digest, first);
    if (!other) throw unknownBlob(digest);
    // Before pushes have to wait: it may read manifests from the owner's repo.
    const checked = await uses.requireBlobUnused(ref, digest);
    await leases.deleting(ref, signal, async (ending) => {
      await uses.requireBlobUnused(ref, digest, checked);
      if (!await index.remove(ref, digest, ending)) throw unknownBlob(digest);
    });
    if (!first) return;
    const { holdDid } = first;
    try {
      const hold = await holds.get(holdDid);
      await hold.blobUnlinked(ref.did, digest);
    } catch (error) {
      // It counts until the hold's garbage collection anyway.
      log.warn("hold not notified of a deleted blob", {
        holdDid,
        digest,
        error,
      });
    }
  }

  #mayRedirect(size: number): boolean {
    const { delivery, directBytes } = this.#deps;
    if (delivery === "proxy") return false;
    return delivery === "redirect" || size > directBytes;
  }
}
