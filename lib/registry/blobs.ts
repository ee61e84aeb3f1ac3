/**
 * Blobs of a repository: lookup, delivery to clients, and deletion.
 *
 * @module
 */

import type { Did } from "../did.ts";
import { AppError, isAppError } from "../errors.ts";
import type { Kv } from "../kv/kv.ts";
import type { Logger } from "../log.ts";
import type { Digest } from "../oci/digest.ts";
import type { ByteRange } from "../storage/blob_store.ts";
import type {
  Caller,
  HoldClient,
  HoldDirectory,
} from "../hold_api/hold_client.ts";
import type { BlobIndex, SizedBlob } from "./blob_index.ts";
import { registryKeys } from "./kv_keys.ts";
import type { RepoRef } from "./manifests/manifest_index.ts";
import type { ManifestUses } from "./manifests/manifest_uses.ts";
import { requireRead, requireRepositoryRead } from "./hold_rights.ts";
import type { HiddenRepositories } from "./owners/hidden_repositories.ts";
import type { BlobRow, RepositoryRow } from "./rows.ts";

/** `redirect` redirects wherever possible, `proxy` never, `auto` all but small blobs. */
export type DeliveryMode = "auto" | "redirect" | "proxy";

export interface BlobsDeps {
  kv: Kv;
  holds: HoldDirectory;
  hidden: Pick<HiddenRepositories, "requireNoneHidden">;
  index: BlobIndex;
  log: Logger;
  delivery: DeliveryMode;
  /** In `auto` mode, blobs up to this size are proxied, in bytes. */
  directBytes: number;
  uses: Pick<ManifestUses, "requireBlobUnused">;
}

/** A delivery: proxied bytes, or a URL of the hold's storage. */
export type BlobDelivery =
  | { kind: "stream"; size: number; body: ReadableStream<Uint8Array> }
  | { kind: "redirect"; size: number; url: string };

/** A hold that reports a blob, with its size. */
interface FoundBlob {
  readonly hold: HoldClient;
  readonly size: number;
}

/** Options of a lookup. */
interface Look {
  readonly how: "stat" | "check";
  /** Holds that are not tried. */
  readonly failed: ReadonlySet<Did>;
}

/** Maximum holds at which a request opens a blob. */
const MAX_OPENED = 3;

/** Serves blobs of repositories (distribution-spec, "Pulling Blobs"). */
export class Blobs {
  readonly #deps: BlobsDeps;

  constructor(deps: BlobsDeps) {
    this.#deps = deps;
  }

  /** Size of a blob in bytes. Throws AppError `BLOB_UNKNOWN`. */
  async stat(
    ref: RepoRef,
    caller: Caller,
    digest: Digest,
  ): Promise<{ size: number }> {
    const look = { how: "check", failed: new Set<Did>() } as const;
    const { size } = await this.#find(ref, caller, digest, look);
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
    let problem: unknown;
    while (failed.size < MAX_OPENED) {
      let found: FoundBlob;
      try {
        const look = { how: "stat", failed } as const;
        found = await this.#find(ref, caller, digest, look);
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
        return { ...delivery, range };
      } catch (error) {
        // The hold reported the blob but does not serve it.
        if (!isAppError(error) || options.signal?.aborted) throw error;
        problem ??= error;
        failed.add(found.hold.did);
      }
    }
    throw problem;
  }

  async #deliver(
    { hold, size }: FoundBlob,
    caller: Caller,
    digest: Digest,
    { range, signal }: {
      range: ByteRange | undefined;
      signal: AbortSignal | undefined;
    },
  ): Promise<BlobDelivery> {
    if (this.#mayRedirect(size)) {
      const url = await hold.locate(caller, digest, "application/octet-stream");
      if (url !== undefined) return { kind: "redirect", size, url };
    }
    const opened = await hold.open(caller, digest, range, signal);
    if (!opened) throw unknownBlob(digest);
    if (opened.size !== size) {
      await opened.body.cancel();
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
   * `UNSUPPORTED` when a manifest of the repository names the blob.
   */
  async unlink(ref: RepoRef, digest: Digest): Promise<void> {
    const { index, uses, holds, log } = this.#deps;
    const first = await index.first(ref, digest);
    const [other] = first ? [first] : await index.further(ref, digest, first);
    if (!other) throw unknownBlob(digest);
    await uses.requireBlobUnused(ref, digest);
    if (!await index.remove(ref, digest)) throw unknownBlob(digest);
    if (!first) return;
    const { holdDid } = first;
    try {
      const hold = await holds.get(holdDid);
      await hold.blobUnlinked(ref.did, digest);
    } catch (error) {
      // It counts until the hold's garbage collection.
      log.warn("hold not notified of a deleted blob", {
        holdDid,
        digest,
        error,
      });
    }
  }

  /** Those of `digests` linked to the repository in `hold`, even if the hold lost them. */
  async linked(
    ref: RepoRef,
    hold: HoldClient,
    digests: readonly Digest[],
  ): Promise<Digest[]> {
    if (digests.length === 0) return [];
    const known = await this.#deps.index.inHold(ref, hold.did, digests);
    return digests.filter((_, i) => known[i]);
  }

  /**
   * Returns those of `digests` that a manifest in the repository may not
   * reference: blobs that the hold does not have now, and blobs never pushed to
   * the repository, which a pusher could read by referencing them. Publicly
   * readable blobs become part of the repository when nothing is missing. Finds
   * at most {@linkcode MAX_MISSING}.
   */
  async missing(
    ref: RepoRef,
    caller: Caller,
    hold: HoldClient,
    digests: readonly Digest[],
    signal?: AbortSignal,
  ): Promise<Digest[]> {
    if (digests.length === 0) return [];
    const { index } = this.#deps;
    const [linked, sizes] = await Promise.all([
      index.inHold(ref, hold.did, digests),
      hold.statMany(caller, digests, signal),
    ]);
    const isOpen = linked.every(Boolean) ||
      (await hold.mayRead(undefined)).allowed;
    const missing: Digest[] = [];
    const found: SizedBlob[] = [];
    for (const [i, digest] of digests.entries()) {
      const size = sizes[i];
      if (size === undefined || !(linked[i] || isOpen)) missing.push(digest);
      else if (!linked[i]) found.push({ digest, size });
    }
    if (missing.length === 0) await index.prove(ref, hold.did, found);
    return missing;
  }

  #mayRedirect(size: number): boolean {
    const { delivery, directBytes } = this.#deps;
    if (delivery === "proxy") return false;
    return delivery === "redirect" || size > directBytes;
  }

  /**
   * Finds a hold that has the blob and lets `caller` read it. Tries the others
   * when the first one cannot serve it or refuses; the one that serves it is
   * tried first from now on. Skips those that have `failed`.
   */
  async #find(
    ref: RepoRef,
    caller: Caller,
    digest: Digest,
    { how, failed }: Look,
  ): Promise<FoundBlob> {
    const { kv, holds, hidden, index } = this.#deps;
    const first = await index.first(ref, digest);
    let problem: unknown;
    if (first && !failed.has(first.holdDid)) {
      try {
        return await this.#ask(first, caller, digest, how);
      } catch (error) {
        if (!isAppError(error)) throw error;
        problem = error;
      }
    }
    const further = (await index.further(ref, digest, first))
      .filter(({ holdDid }) => !failed.has(holdDid));
    if (!first && further.length === 0) {
      const repository = registryKeys.repository(ref.did, ref.repo);
      const known = (await kv.get<RepositoryRow>(repository))?.value;
      await requireRepositoryRead(holds, known, caller);
      if (!known) await hidden.requireNoneHidden(ref.did, caller);
      throw unknownBlob(digest);
    }
    if (further.length === 0) throw problem ?? unknownBlob(digest);
    try {
      const found = await Promise.any(
        further.map((row) => this.#ask(row, caller, digest, how)),
      );
      const { size } = found;
      await index.prove(ref, found.hold.did, [{ digest, size }]);
      return found;
    } catch (error) {
      if (!(error instanceof AggregateError)) throw error;
      throw mostTelling([...(problem ? [problem] : []), ...error.errors]);
    }
  }

  /** Throws AppError: `BLOB_UNKNOWN`, the hold's refusal, or why it cannot be reached. */
  async #ask(
    row: BlobRow,
    caller: Caller,
    digest: Digest,
    how: Look["how"],
  ): Promise<FoundBlob> {
    const hold = await this.#deps.holds.get(row.holdDid);
    await requireRead(hold, caller);
    const found = await hold[how](caller, digest);
    if (!found) throw unknownBlob(digest);
    return { hold, size: found.size };
  }
}

/** Selects the error of several holds to pass on: the blob is unknown only if all say so. */
function mostTelling(errors: readonly unknown[]): unknown {
  return errors.find((error) => !isAppError(error)) ??
    errors.find((error) => isAppError(error, "DENIED", "UNAUTHORIZED")) ??
    errors.find((error) => !isAppError(error, "BLOB_UNKNOWN")) ?? errors[0];
}

function unknownBlob(digest: Digest): AppError {
  return new AppError(
    "BLOB_UNKNOWN",
    `The repository has no blob ${digest}.`,
    { detail: { digest } },
  );
}
