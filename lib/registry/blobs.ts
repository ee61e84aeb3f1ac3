/**
 * Blobs of a repository: what is there, how it reaches the client, and what is
 * forgotten on delete.
 *
 * @module
 */

import { AppError } from "../errors.ts";
import type { Kv } from "../kv/kv.ts";
import type { Digest } from "../oci/digest.ts";
import type { ByteRange } from "../storage/blob_store.ts";
import type {
  Caller,
  HoldClient,
  HoldDirectory,
} from "../hold_api/hold_client.ts";
import { registryKeys } from "./kv_keys.ts";
import type { RepoRef } from "./manifests/manifest_index.ts";
import { requireRead, requireRepositoryRead } from "./read_access.ts";
import type { BlobRow, RepositoryRow } from "./rows.ts";

/** How blobs reach clients: `redirect` wherever possible, `proxy` never, `auto` redirects all but small ones. */
export type DeliveryMode = "auto" | "redirect" | "proxy";

/** What {@linkcode Blobs} needs. */
export interface BlobsDeps {
  kv: Kv;
  holds: HoldDirectory;
  delivery: DeliveryMode;
  /** In `auto` mode, blobs up to so many bytes come through us. */
  directBytes: number;
}

/** A blob on its way: through us, or by a URL of the hold's storage. */
export type BlobDelivery =
  | { kind: "stream"; size: number; body: ReadableStream<Uint8Array> }
  | { kind: "redirect"; size: number; url: string };

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
    const { size } = await this.#find(ref, caller, digest);
    return { size };
  }

  /**
   * The blob or a part of it, by the cheapest way that the delivery mode
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
    const { hold, size } = await this.#find(ref, caller, digest);
    const range = options.range?.(size);
    if (this.#mayRedirect(size)) {
      const url = await hold.locate(caller, digest, "application/octet-stream");
      if (url !== undefined) return { kind: "redirect", size, url, range };
    }
    const opened = await hold.open(caller, digest, range, options.signal);
    if (!opened) throw unknownBlob(digest);
    if (opened.size !== size) {
      await opened.body.cancel();
      throw new AppError(
        "UPSTREAM_FAILED",
        `The hold ${hold.did} says that the blob ${digest} has ${size} bytes and then ${opened.size}. Tell its operator.`,
      );
    }
    return { kind: "stream", size, body: opened.body, range };
  }

  /** Takes a blob out of the repository; the hold removes its bytes when nobody needs them (end-10). */
  async unlink(ref: RepoRef, digest: Digest): Promise<void> {
    const key = registryKeys.blob(ref.did, ref.repo, digest);
    if (!await this.#deps.kv.get(key)) throw unknownBlob(digest);
    await this.#deps.kv.delete(key);
  }

  /**
   * Those of `digests` that neither the repository nor the hold has. When
   * there are none, what only the hold has becomes part of the repository.
   */
  async missing(
    ref: RepoRef,
    caller: Caller,
    hold: HoldClient,
    digests: readonly Digest[],
  ): Promise<Digest[]> {
    const { kv } = this.#deps;
    const rows = await kv.getMany<BlobRow>(
      digests.map((digest) => registryKeys.blob(ref.did, ref.repo, digest)),
    );
    const missing: Digest[] = [];
    const found = new Map<Digest, number>();
    for (const [i, digest] of digests.entries()) {
      if (rows[i]?.value.holdDid === hold.did) continue;
      const stat = await hold.stat(caller, digest);
      if (stat) found.set(digest, stat.size);
      else missing.push(digest);
    }
    if (missing.length > 0) return missing;
    for (const [digest, size] of found) {
      await this.#link(ref, hold, digest, size);
    }
    return [];
  }

  #link(ref: RepoRef, hold: HoldClient, digest: Digest, size: number) {
    const row: BlobRow = { holdDid: hold.did, size };
    return this.#deps.kv.set(
      registryKeys.blob(ref.did, ref.repo, digest),
      row,
    );
  }

  #mayRedirect(size: number): boolean {
    const { delivery, directBytes } = this.#deps;
    if (delivery === "proxy") return false;
    return delivery === "redirect" || size > directBytes;
  }

  async #find(
    ref: RepoRef,
    caller: Caller,
    digest: Digest,
  ): Promise<{ hold: HoldClient; size: number }> {
    const { kv, holds } = this.#deps;
    const key = registryKeys.blob(ref.did, ref.repo, digest);
    const row = (await kv.get<BlobRow>(key))?.value;
    if (!row) {
      const repository = registryKeys.repository(ref.did, ref.repo);
      const known = (await kv.get<RepositoryRow>(repository))?.value;
      await requireRepositoryRead(holds, known, caller);
      throw unknownBlob(digest);
    }
    const hold = await holds.get(row.holdDid);
    await requireRead(hold, caller);
    const found = await hold.stat(caller, digest);
    if (!found) throw unknownBlob(digest);
    return { hold, size: found.size };
  }
}

function unknownBlob(digest: Digest): AppError {
  return new AppError(
    "BLOB_UNKNOWN",
    `The repository has no blob ${digest}.`,
    { detail: { digest } },
  );
}
